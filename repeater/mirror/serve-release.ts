import type { ChannelName } from '../../protocol/index.ts'
import type { ChannelRecord, TrustFile } from '../../store/server-records/index.ts'
import { openTrustState, type TrustState } from '../../trust/index.ts'
import type { MirrorContext } from '../context.ts'
import { repeaterError } from '../errors.ts'
import type { HeldRelease } from './hold-release.ts'
import type { TrustFolder } from './trust-folder.ts'

/** Whether what is served of a channel is all that its verified metadata say. */
export function isServed(channel: ChannelRecord | undefined, state: TrustState): boolean {
  const files = onlineFiles(state)
  return files.every((file) => channel?.versions[file.role] === file.version)
}

/**
 * Makes a held release, with its metadata, what is served: one transaction, old or new.
 * @throws LW_REPEATER_BEHIND
 */
export async function serveRelease(
  context: MirrorContext,
  options: {
    readonly name: ChannelName
    readonly folder: TrustFolder
    readonly state: TrustState
    readonly held: HeldRelease
  },
): Promise<void> {
  const { name, state, held } = options
  const { manifest } = held
  const channel = await before(context, name, state)
  const access = manifest.access ?? 'open'
  const outcome = await context.records.releases.commit({
    channel: name,
    ...(channel === undefined
      ? { create: { channelId: state.channelId, access, onlineKey: 'origin' } }
      : {}),
    replaces: channel?.versions ?? { root: 0, targets: 0, snapshot: 0, timestamp: 0 },
    release: releaseRow(state, held),
    objects: [...held.objects].map(([digest, size]) => ({ digest, size })),
    trustFiles: await changedFiles(options.folder, state, channel),
    upload: held.upload,
    access,
    atMs: context.clock.now(),
  })
  if (outcome.outcome === 'conflict') {
    throw repeaterError('LW_REPEATER_BEHIND', {
      detail: `Release ${manifest.release} does not follow ${channel?.headRelease ?? 0}.`,
      untouched: 'What was served before is served on.',
    })
  }
}

/** Takes over metadata that leave the release as it is: signatures renewed, keys changed. */
export async function serveMetadata(
  context: MirrorContext,
  options: {
    readonly name: ChannelName
    readonly folder: TrustFolder
    readonly state: TrustState
  },
): Promise<void> {
  const { name, state } = options
  const channel = await before(context, name, state)
  if (channel === undefined) throw new Error('metadata came for a channel that is not served')
  await context.records.trust.replace({
    channel: name,
    expected: channel.versions,
    files: await changedFiles(options.folder, state, channel),
    atMs: context.clock.now(),
  })
}

/**
 * After the keys of an attacker who had run ahead were taken away the numbers of the metadata may
 * fall (TUF 5.3.11); the records take only rising ones, so that they are lowered first.
 */
async function before(
  context: MirrorContext,
  name: ChannelName,
  state: TrustState,
): Promise<ChannelRecord | undefined> {
  const { channels, mirrors } = context.records
  const channel = await channels.find(name)
  if (channel === undefined) return undefined
  const fallen = onlineFiles(state).some((file) => file.version < channel.versions[file.role])
  if (!fallen) return channel
  await mirrors.lowerVersions(name)
  return channels.find(name)
}

function releaseRow(state: TrustState, { manifest }: HeldRelease) {
  const { targets } = openTrustState(state)
  if (targets === undefined) throw new Error('a release without its signed targets')
  const { head } = targets.view
  return {
    release: head.release,
    ...(head.label === undefined ? {} : { label: head.label }),
    manifestDigest: head.sha256,
    manifestBytes: head.bytes,
    publishedAtMs: Date.parse(manifest.published),
    entries: head.entries,
    totalBytes: head.totalBytes,
    isEnd: head.ended === true,
  }
}

async function changedFiles(
  folder: TrustFolder,
  state: TrustState,
  channel: ChannelRecord | undefined,
): Promise<readonly TrustFile[]> {
  const roots = await folder.rootsAbove(channel?.versions.root ?? 0, state)
  const online = onlineFiles(state).filter(
    (file) => file.role !== 'root' && file.version > (channel?.versions[file.role] ?? 0),
  )
  return [...roots, ...online]
}

/** The newest verified file of each role. */
function onlineFiles(state: TrustState): readonly TrustFile[] {
  const { root, timestamp, snapshot, targets } = openTrustState(state)
  const files: TrustFile[] = []
  for (const file of [root, targets, snapshot, timestamp]) {
    if (file === undefined) continue
    const { role, bytes } = file
    const { version } = file.view
    const name = role === 'timestamp' ? 'timestamp.json' : `${version}.${role}.json`
    files.push({ file: name, role, version, bytes })
  }
  return files
}
