import type { Digest } from '../../protocol/index.ts'
import { planBuild } from '../planning/build-plan.ts'
import { makeScript } from '../planning/script.ts'
import { readHeldManifest, readOldRelease } from './bundle-head.ts'

/** The script and the plan that both follow from the two manifests. */
export function planRelease(oldManifest: Uint8Array, newManifest: Uint8Array) {
  const old = readOldRelease(oldManifest)
  const next = readHeldManifest(newManifest)
  const script = makeScript(old.entries, next.entries, old.objects)
  const plan = planBuild(old.entries, old.objects, script, [])
  const digestAt = new Map<string, Digest>()
  for (const entry of next.entries) {
    if (entry.type === 'file') digestAt.set(entry.path, entry.sha256)
  }
  return { old, next, script, plan, digestAt }
}

export type PlannedRelease = ReturnType<typeof planRelease>
