import {
  createTargets,
  lifetimesMs,
  type OnlinePair,
  parseTargets,
  type ReleaseTarget,
  renewOnline,
  timeText,
} from '../../trust/index.ts'
import { publishError } from '../errors.ts'
import { publisherLimits } from '../limits.ts'
import type { StaticRun } from './static-run.ts'
import type { StaticChannel } from './static-state.ts'

/** Signs what the head is with the publisher keys that are here. @throws LW_PUBLISH_SIGNATURES_MISSING */
export function signHead(
  run: StaticRun,
  channel: StaticChannel,
  head: { readonly version: number; readonly release: ReleaseTarget },
): Uint8Array {
  const { threshold } = channel.root.view.roles.targets
  if (channel.signers.length < threshold) {
    throw publishError('LW_PUBLISH_SIGNATURES_MISSING', {
      detail: `${channel.signers.length} of ${threshold} publisher keys are here.`,
      untouched: 'Subscribers see the old release.',
      next: 'Bring the other keys here with "longwave key import".',
    })
  }
  return createTargets({
    version: head.version,
    channelId: channel.channelId,
    manifest: head.release,
    expires: timeText(run.context.clock.now() + lifetimesMs.targets),
    signers: channel.signers,
  })
}

/** Targets, snapshot, roots, and at last the timestamp: the one step that switches. */
export async function writeMetadata(
  run: StaticRun,
  channel: StaticChannel,
  targets: Uint8Array,
): Promise<OnlinePair> {
  const { site, context, folder } = run
  const { files, roots } = channel
  const nowMs = context.clock.now()
  const online = renewOnline({
    channelId: channel.channelId,
    targets,
    ...(files === undefined
      ? {}
      : { previous: { snapshot: files.snapshot.bytes, timestamp: files.timestamp.bytes } }),
    nowMs,
    lifetimeMs: lifetimesMs.staticOnline,
    signer: channel.online,
  })
  const { view } = parseTargets(targets)
  await site.writeTrust(`${view.version}.targets.json`, targets)
  await site.writeTrust(`${online.snapshotVersion}.snapshot.json`, online.snapshot)
  // A new root shortly before the timestamp: between the two, subscribers can only wait.
  for (const [index, root] of roots.entries()) {
    const file = `${index + 1}.root.json`
    const there = await site.trustFile(file)
    if (there === undefined || !Buffer.from(there).equals(root)) await site.writeTrust(file, root)
  }
  await site.writeTrust('timestamp.json', online.timestamp)
  await folder.saveTrust({
    channelId: channel.channelId,
    firstUse: 'pinned',
    root: channel.root.bytes,
    timestamp: online.timestamp,
    snapshot: online.snapshot,
    targets,
    highestRelease: view.head.release,
    timeFloorMs: Math.floor(nowMs / 1000) * 1000,
  })
  return online
}

/** Whether the timestamp has lost enough of its life for a run along the way to renew it. */
export function needsRefresh(run: StaticRun, { files }: StaticChannel): boolean {
  if (files === undefined) return false
  const left = files.timestamp.view.expiresMs - run.context.clock.now()
  return left < lifetimesMs.staticOnline * publisherLimits.staticRefreshShare
}

/** Whether the publisher's own signature on the release ends soon, or has ended. */
export function needsRenewal(run: StaticRun, { files }: StaticChannel): boolean {
  if (files === undefined) return false
  return files.targets.view.expiresMs - run.context.clock.now() < lifetimesMs.warning
}

/**
 * Signs snapshot and timestamp anew, and the release itself where new keys or the end of its
 * signature ask for it.
 */
export async function resign(run: StaticRun, channel: StaticChannel): Promise<OnlinePair> {
  if (channel.files === undefined) {
    throw publishError('LW_PUBLISH_NO_CHANNEL', { detail: `It would be in ${run.site.directory}.` })
  }
  const { bytes, view } = channel.files.targets
  const signed =
    channel.needsSigning || needsRenewal(run, channel)
      ? signHead(run, channel, { version: view.version + 1, release: view.head })
      : bytes
  return writeMetadata(run, channel, signed)
}
