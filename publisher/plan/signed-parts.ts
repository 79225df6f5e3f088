import { encodeManifest, type Manifest, manifestId } from '../../protocol/index.ts'
import { timeText } from '../../trust/index.ts'
import type { ReleasePlan } from './plan-release.ts'

/** The time of a rollout that begins now. */
export function rolloutFromNow(
  nowMs: number,
  overSeconds: number,
): { readonly from: string; readonly over: number } {
  return { from: timeText(nowMs), over: overSeconds }
}

/** The exact bytes of a manifest that is not drafted from a scan. */
export function planOf(manifest: Manifest, changes: ReleasePlan['changes']): ReleasePlan {
  const bytes = encodeManifest(manifest)
  const id = manifestId(bytes)
  return { manifest, bytes, id, changes, attributesChanged: false, nothingNew: false }
}
