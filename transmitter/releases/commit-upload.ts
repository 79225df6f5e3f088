import {
  type ChannelName,
  type CommitRequest,
  type CommitResult,
  type Manifest,
  totalsOf,
} from '../../protocol/index.ts'
import type {
  ChannelRecord,
  ObjectRecord,
  TrustFile,
  TrustVersions,
  UploadRecord,
} from '../../store/server-records/index.ts'
import {
  type OnlinePair,
  parseRoot,
  renewOnline,
  type VerifiedCommit,
  verifyCommit,
} from '../../trust/index.ts'
import { type TransmitterContext, timeText } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { transmitterLimits as limits } from '../limits.ts'
import type { LoadedManifest } from '../manifests/index.ts'
import { beforeCommit, type CommitNotes, type PendingCommit } from './commit-hooks.ts'
import { missingObjects, requireSameChannel, requireUpload } from './begin-upload.ts'

interface Attempt {
  readonly name: ChannelName
  readonly upload: UploadRecord
  readonly loaded: LoadedManifest
  readonly request: CommitRequest
  readonly channel: ChannelRecord | undefined
}

type Outcome =
  | { readonly outcome: 'conflict'; readonly channel: ChannelRecord | undefined }
  | {
      readonly outcome: 'committed' | 'repeated'
      readonly channel: ChannelRecord
      readonly isNewRelease: boolean
      readonly notes: CommitNotes
    }

/**
 * Makes an upload the channel's head: checks the publisher's chain of signatures and that every
 * object is here, signs snapshot and timestamp, and switches in one compare-and-set. Nothing is
 * visible before. A commit for the head's own manifest changes keys or renews signatures only.
 * Repeating a commit returns its first result.
 * @throws LW_TRANSMIT_CONFLICT, LW_TRANSMIT_INCOMPLETE, LW_TRANSMIT_WRONG_MANIFEST,
 *   LW_TRANSMIT_NAME_TAKEN, LW_TRANSMIT_ENDED, LW_TRANSMIT_NO_UPLOAD, LW_TRUST_…
 */
export async function commitUpload(
  context: TransmitterContext,
  name: ChannelName,
  id: string,
  request: CommitRequest,
): Promise<CommitResult> {
  if (request.targets === undefined && request.roots.length === 0) {
    throw transmitterError('LW_TRANSMIT_NOTHING')
  }
  const upload = await requireUpload(context, name, id)
  const loaded = await context.manifests.load(upload.manifestDigest)
  const { manifest } = loaded
  const counts = context.measures.of(name)
  for (let attempt = 1; ; attempt++) {
    const channel = await context.records.channels.find(name)
    requireSameChannel(channel, manifest)
    const outcome = await tryCommit(context, { name, upload, loaded, request, channel })
    if (outcome.outcome !== 'conflict') {
      await context.catalogue.reload(name)
      if (outcome.outcome === 'committed') {
        counts.commits += 1
        const told = tellHooks(context, { manifest, request, isNewRelease: outcome.isNewRelease })
        if (outcome.isNewRelease) context.onPublished(name, manifest.release)
        await told
      }
      const allowed = await context.records.settings.get(`plugin:${name}`)
      const warnings = warningsOf(request, allowed === 'allowed')
      return resultOf(outcome, { manifest, upload, request, warnings })
    }
    // A re-signing may have come between; it changes nothing that the publisher built upon.
    const isResigned = (outcome.channel?.versions.targets ?? 0) === request.replaces
    if (!isResigned || attempt >= limits.commitAttemptsMax) {
      counts.conflicts += 1
      throw conflict(outcome.channel)
    }
  }
}

async function tellHooks(context: TransmitterContext, commit: PendingCommit): Promise<void> {
  await Promise.all(context.commitHooks.map((hook) => hook.after?.(commit)))
}

function warningsOf(request: CommitRequest, isPluginAllowed: boolean): readonly string[] {
  const warnings: string[] = []
  if (typeof request.plugin === 'string' && !isPluginAllowed) {
    warnings.push('The transmitter does not allow a plug-in for this channel; it is not run.')
  }
  if (request.cms !== undefined) {
    warnings.push('The certificate’s signature over the manifest was not kept.')
  }
  return warnings
}

async function tryCommit(context: TransmitterContext, attempt: Attempt): Promise<Outcome> {
  const { name, channel, upload, loaded, request } = attempt
  if (channel !== undefined && (await isCommitted(context, attempt))) {
    return { outcome: 'repeated', channel, isNewRelease: false, notes: {} }
  }
  if ((channel?.versions.targets ?? 0) !== request.replaces) {
    return { outcome: 'conflict', channel }
  }
  if (channel?.state === 'ended') throw transmitterError('LW_TRANSMIT_ENDED')
  if (upload.state !== 'open' || upload.expiresAtMs <= context.clock.now()) {
    throw transmitterError('LW_TRANSMIT_NO_UPLOAD')
  }
  const verified = await verifyChain(context, attempt)
  requireSameRelease(loaded.manifest, verified, upload)
  await requireComplete(context, upload, loaded)
  const pending = { manifest: loaded.manifest, request, isNewRelease: verified.isNewRelease }
  const notes = await beforeCommit(context.commitHooks, pending)
  const online = await signOnline(context, name, channel, verified)
  const files = trustFiles(request, verified, online)
  if (verified.isNewRelease) {
    const outcome = await context.records.releases.commit({
      channel: name,
      ...createdChannel(attempt, verified),
      replaces: channel?.versions ?? { root: 0, targets: 0, snapshot: 0, timestamp: 0 },
      release: releaseRow(loaded.manifest, verified),
      objects: allObjects(loaded, verified),
      trustFiles: files,
      upload: upload.id,
      access: loaded.manifest.access ?? 'open',
      atMs: context.clock.now(),
    })
    return outcome.outcome === 'conflict' ? outcome : { ...outcome, isNewRelease: true, notes }
  }
  const atMs = context.clock.now()
  const expected: Partial<TrustVersions> = channel?.versions ?? {}
  const outcome = await context.records.trust.replace({ channel: name, expected, files, atMs })
  if (outcome.outcome === 'conflict') return outcome
  await context.records.uploads.abandon(upload.id, atMs)
  return { outcome: 'committed', channel: outcome.channel, isNewRelease: false, notes }
}

function createdChannel({ name, channel, loaded }: Attempt, verified: VerifiedCommit) {
  if (channel !== undefined) return {}
  return {
    create: {
      channelId: verified.channelId,
      access: loaded.manifest.access ?? 'open',
      onlineKey: `${name}.online`,
    },
  }
}

function releaseRow(manifest: Manifest, verified: VerifiedCommit) {
  return {
    release: manifest.release,
    ...(manifest.label === undefined ? {} : { label: manifest.label }),
    manifestDigest: verified.head.sha256,
    manifestBytes: verified.head.bytes,
    publishedAtMs: Date.parse(manifest.published),
    entries: manifest.entries.length,
    totalBytes: verified.head.totalBytes,
    isEnd: verified.head.ended === true,
  }
}

/** Whether every file of this very commit is in place: then its answer got lost. */
async function isCommitted(
  context: TransmitterContext,
  { name, request }: Attempt,
): Promise<boolean> {
  const isInPlace = async (file: string, text: string): Promise<boolean> => {
    const found = await context.records.trust.find(name, file)
    return found !== undefined && Buffer.from(text).equals(found.bytes)
  }
  if (request.targets !== undefined) {
    if (!(await isInPlace(`${request.replaces + 1}.targets.json`, request.targets))) return false
  }
  for (const text of request.roots) {
    const { version } = parseRoot(Buffer.from(text)).view
    if (!(await isInPlace(`${version}.root.json`, text))) return false
  }
  return true
}

function conflict(channel: ChannelRecord | undefined): Error {
  return transmitterError('LW_TRANSMIT_CONFLICT', {
    detail:
      channel === undefined
        ? 'The channel does not exist yet.'
        : `The head is release ${channel.headRelease}.`,
    members: {
      release: channel?.headRelease ?? 0,
      targetsVersion: channel?.versions.targets ?? 0,
    },
    untouched: 'Nothing of yours was published; what you uploaded is kept.',
    next: 'Run the same command again: it publishes on top of that release.',
  })
}

async function verifyChain(
  context: TransmitterContext,
  { name, channel, request }: Attempt,
): Promise<VerifiedCommit> {
  const online = await context.keys.key(name, 'online')
  return verifyCommit({
    current: channel && (await currentTrust(context, channel)),
    roots: request.roots.map((text) => Buffer.from(text)),
    targets: request.targets === undefined ? undefined : Buffer.from(request.targets),
    nowMs: context.clock.now(),
    onlineKeyId: online.keyId,
  })
}

async function currentTrust(context: TransmitterContext, channel: ChannelRecord) {
  const { trust } = context.records
  const { name, versions, channelId } = channel
  const root = await trust.find(name, `${versions.root}.root.json`)
  const targets = await trust.find(name, `${versions.targets}.targets.json`)
  if (root === undefined || targets === undefined) {
    throw new Error('the records lack the root or the targets of a channel')
  }
  return { channelId, root: root.bytes, targets: targets.bytes }
}

function requireSameRelease(
  manifest: Manifest,
  verified: VerifiedCommit,
  upload: UploadRecord,
): void {
  const { head } = verified
  const totals = totalsOf(manifest)
  const isSame =
    head.sha256 === upload.manifestDigest &&
    manifest.channel === verified.channelId &&
    manifest.release === head.release &&
    manifest.label === head.label &&
    head.entries === totals.entries &&
    head.totalBytes === totals.totalBytes &&
    head.largestFileBytes === totals.largestFileBytes
  if (isSame) return
  throw transmitterError('LW_TRANSMIT_WRONG_MANIFEST', {
    detail: 'The signed metadata describe another one.',
  })
}

/** @throws LW_TRANSMIT_INCOMPLETE */
async function requireComplete(
  context: TransmitterContext,
  upload: UploadRecord,
  { objects }: LoadedManifest,
): Promise<void> {
  const missing = await missingObjects(context, upload, objects)
  if (missing.size === 0) return
  throw transmitterError('LW_TRANSMIT_INCOMPLETE', {
    detail: `${missing.size} are missing.`,
    members: { missing: missing.size },
    next: 'Publish again: only these are sent.',
  })
}

async function signOnline(
  context: TransmitterContext,
  name: ChannelName,
  channel: ChannelRecord | undefined,
  verified: VerifiedCommit,
): Promise<OnlinePair> {
  const { trust } = context.records
  const snapshot =
    channel && (await trust.find(name, `${channel.versions.snapshot}.snapshot.json`))?.bytes
  const timestamp = channel && (await trust.find(name, 'timestamp.json'))?.bytes
  return renewOnline({
    channelId: verified.channelId,
    targets: verified.targets,
    ...(snapshot === undefined || timestamp === undefined
      ? {}
      : { previous: { snapshot, timestamp } }),
    nowMs: context.clock.now(),
    lifetimeMs: limits.onlineLifetimeMs,
    signer: await context.keys.key(name, 'online'),
  })
}

function allObjects(loaded: LoadedManifest, verified: VerifiedCommit): readonly ObjectRecord[] {
  const { sha256, bytes } = verified.head
  const objects: ObjectRecord[] = [{ digest: sha256, size: bytes }]
  for (const [digest, file] of loaded.objects) {
    if (digest !== sha256) objects.push({ digest, size: file.size })
  }
  return objects
}

function trustFiles(
  request: CommitRequest,
  verified: VerifiedCommit,
  online: OnlinePair,
): readonly TrustFile[] {
  const files: TrustFile[] = request.roots.map((text) => {
    const bytes = Buffer.from(text)
    const { version } = parseRoot(bytes).view
    return { file: `${version}.root.json`, role: 'root', version, bytes }
  })
  const { targetsVersion: version, targets: bytes } = verified
  if (request.targets !== undefined) {
    files.push({ file: `${version}.targets.json`, role: 'targets', version, bytes })
  }
  return [...files, ...onlineFiles(online)]
}

/** Snapshot and timestamp as trust files. */
export function onlineFiles(online: OnlinePair): readonly TrustFile[] {
  return [
    {
      file: `${online.snapshotVersion}.snapshot.json`,
      role: 'snapshot',
      version: online.snapshotVersion,
      bytes: online.snapshot,
    },
    {
      file: 'timestamp.json',
      role: 'timestamp',
      version: online.timestampVersion,
      bytes: online.timestamp,
    },
  ]
}

/** What this commit made, also when others came on top of it since. */
function resultOf(
  outcome: Exclude<Outcome, { readonly outcome: 'conflict' }>,
  commit: {
    readonly manifest: Manifest
    readonly upload: UploadRecord
    readonly request: CommitRequest
    readonly warnings: readonly string[]
  },
): CommitResult {
  const { channel, notes } = outcome
  const { manifest, upload, request, warnings } = commit
  const root = request.roots.at(-1)
  return {
    channel: channel.channelId,
    release: manifest.release,
    manifest: upload.manifestDigest,
    targetsVersion: request.replaces + (request.targets === undefined ? 0 : 1),
    rootVersion:
      root === undefined ? channel.versions.root : parseRoot(Buffer.from(root)).view.version,
    published: timeText(Date.parse(manifest.published)),
    repeated: outcome.outcome === 'repeated',
    repeaters: [...(notes.repeaters ?? [])],
    warnings: [...(notes.warnings ?? []), ...warnings],
  }
}
