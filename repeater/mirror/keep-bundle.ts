import path from 'node:path'
import { downloadVerified, type FetchReleaseOptions, findRoutes } from '../../mirroring/index.ts'
import { type Digest, filesOf, isLongwaveError } from '../../protocol/index.ts'
import { ensureDirectory, removeIfPresent } from '../../store/durable-files/index.ts'
import type { KeptBundle, MirrorContext } from '../context.ts'

/** Where bundles wait that came with a release, below the repeater's folder. */
export const keptBundlesFolder = 'bundles'

/**
 * Downloads the bundle that the next step will be built with and keeps it under a second name:
 * tuners will want the same bytes, and the origin is to send them once. Nothing is lost when it
 * fails: the release is then fetched as if this had not been tried.
 */
export async function keepBundle(
  context: MirrorContext,
  fetching: FetchReleaseOptions,
): Promise<KeptBundle | undefined> {
  const { base, head, staging } = fetching
  if (base === undefined) return undefined
  const wholeBytes = head.totalBytes + head.bytes
  const heldBytes = filesOf(base.manifest).reduce((sum, file) => sum + file.size, 0)
  const question = { from: base.release, heldBytes, head, wholeBytes }
  const [route] = await findRoutes(fetching, question)
  const step = route?.kind === 'bundle' && route.steps.length === 1 ? route.steps[0] : undefined
  const source = fetching.sources[0]
  if (step === undefined || source === undefined) return undefined
  const sha256 = step.sha256 as Digest
  try {
    const url = `${source}/deltas/${step.from}..${step.to}/${sha256}`
    const download = { url, sha256, size: step.bytes, stage: 'bundle' } as const
    const { received } = await downloadVerified(fetching, download)
    context.received.content += received
    const folder = path.join(context.directory, keptBundlesFolder)
    await ensureDirectory(context.fs, folder, { mode: 0o700 })
    const file = path.join(folder, `${fetching.name}-${sha256}`)
    await removeIfPresent(context.fs, file)
    await context.fs.link(staging.partialPath(sha256), file)
    return { from: step.from, to: step.to, sha256, bytes: step.bytes, file }
  } catch (error) {
    context.signal.throwIfAborted()
    if (!isLongwaveError(error)) throw error
    return undefined
  }
}
