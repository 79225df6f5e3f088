import { parseRoot } from '../../trust/index.ts'
import { publishError } from '../errors.ts'
import { applyChange, type KeyChange, type KeyChangeResult } from '../keys/index.ts'
import { type PublisherContext, withLock } from '../sign/index.ts'
import { type StaticOptions, startRun } from './static-run.ts'
import { openStatic, type StaticChannel } from './static-state.ts'
import { type StaticSummary, summaryOf } from './static-summary.ts'
import { resign, signHead, writeMetadata } from './write-metadata.ts'

/** Signs snapshot and timestamp anew. @throws LW_PUBLISH_NO_CHANNEL */
export async function refreshStatic(
  context: PublisherContext,
  options: Pick<StaticOptions, 'name' | 'out' | 'publicUrl' | 'signal'>,
): Promise<StaticSummary> {
  const run = startRun(context, options)
  const { site, folder, name } = run
  if ((await site.trustFile('timestamp.json')) === undefined) {
    throw publishError('LW_PUBLISH_NO_CHANNEL', { detail: `It would be in ${site.directory}.` })
  }
  return withLock(context, site.lockFolder, async () => {
    await site.prepare()
    const channel = await openStatic({ context, site, folder, name })
    const online = await resign(run, channel)
    const outcome = 'refreshed'
    return summaryOf(run, { channel, plan: undefined, options, outcome, online, warnings: [] })
  })
}

/**
 * Changes the keys of a static channel: new roots, and the newest release signed anew under them.
 * @throws LW_PUBLISH_NO_CHANNEL, LW_PUBLISH_SIGNATURES_MISSING, LW_TRUST_KEYS_MISSING
 */
export async function changeStaticKeys(
  context: PublisherContext,
  options: Pick<StaticOptions, 'name' | 'out'> & { readonly change: KeyChange },
): Promise<KeyChangeResult> {
  const run = startRun(context, options)
  const { site, folder, name } = run
  return withLock(context, site.lockFolder, async () => {
    await site.prepare()
    const channel = await openStatic({ context, site, folder, name })
    const { files, channelId, root } = channel
    if (files === undefined) {
      throw publishError('LW_PUBLISH_NO_CHANNEL', { detail: `It would be in ${site.directory}.` })
    }
    const next = await applyChange(context, { channelId, root, newRoots: [] }, options.change)
    const roots = [...channel.roots, ...next.roots]
    const newest = parseRoot(roots.at(-1) ?? root.bytes)
    const office = newest.view.roles.targets
    const pairs = await context.keyRing.load({ channelId }, 'targets', context.passphrase)
    const signers = pairs.filter((pair) => office.keys.some((key) => key.keyId === pair.keyId))
    const changed: StaticChannel = { ...channel, roots, root: newest, signers }
    const { head, version } = files.targets.view
    const targets = signHead(run, changed, { version: version + 1, release: head })
    await folder.save({ ...channel.record, roots, established: channel.record.established })
    await writeMetadata(run, changed, targets)
    const rootVersion = newest.view.version
    const { made, retired } = next
    const { release } = head
    const targetsVersion = version + 1
    return { channelId, release, rootVersion, targetsVersion, made, retired, warnings: [] }
  })
}
