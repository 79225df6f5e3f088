import {
  type ChannelName,
  type CommitRequest,
  type CommitResult,
  type Digest,
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
import { timeText, type TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { transmitterLimits as limits } from '../limits.ts'
import { objectsOf, requireUpload } from './begin-upload.ts'
import { loadManifest } from './load-manifest.ts'

/**
 * Makes an upload the channel's head: checks the publisher's chain of signatures and that every
 * object is here, signs snapshot and timestamp, and switches in one compare-and-set. Nothing is
 * visible before. Repeating a commit returns its first result.
 * @throws LW_TRANSMIT_CONFLICT, LW_TRANSMIT_INCOMPLETE, LW_TRANSMIT_WRONG_MANIFEST, LW_TRUST_…
 */
export async function commitUpload(
  context: TransmitterContext,
  name: ChannelName,
  id: string,
  request: CommitRequest,
): Promise<CommitResult> {
  const upload = await requireUpload(context, name, id)
  const manifest = await loadManifest(context, upload.manifestDigest)
  const repeated = await alreadyCommitted(context, upload, request)
  if (repeated !== undefined) return resultOf(context, repeated, manifest, upload, true)
  const channel = await context.records.channels.find(name)
  const present = channel?.versions.targets ?? 0
  if (present !== request.replaces) throw conflict(channel)
  const verified = await verifyChain(context, name, channel, request)
  requireSameRelease(manifest, verified, upload)
  const missing = await context.records.uploads.missing(id, [...objectsOf(manifest).keys()])
  if (missing.size > 0) {
    throw transmitterError('LW_TRANSMIT_INCOMPLETE', {
      detail: `${missing.size} are missing.`,
      members: { missing: missing.size },
    })
  }
  const online = await signOnline(context, name, channel, verified)
  const outcome = await context.records.releases.commit({
    channel: name,
    ...(channel === undefined
      ? {
          create: {
            channelId: verified.channelId,
            access: manifest.access ?? 'open',
            onlineKey: `${name}.online`,
          },
        }
      : {}),
    replaces: channel?.versions ?? { root: 0, targets: 0, snapshot: 0, timestamp: 0 },
    release: {
      release: manifest.release,
      ...(manifest.label === undefined ? {} : { label: manifest.label }),
      manifestDigest: upload.manifestDigest,
      manifestBytes: verified.head.bytes,
      publishedAtMs: Date.parse(manifest.published),
      entries: manifest.entries.length,
      totalBytes: totalsOf(manifest).totalBytes,
      isEnd: verified.head.ended === true,
    },
    objects: allObjects(manifest, upload, verified),
    trustFiles: trustFiles(request, verified, online),
    upload: id,
    access: manifest.access ?? 'open',
    atMs: context.clock.now(),
  })
  if (outcome.outcome === 'conflict') throw conflict(outcome.channel)
  await context.catalogue.reload(name)
  context.onPublished(name, manifest.release)
  return resultOf(context, outcome.channel, manifest, upload, outcome.outcome === 'repeated')
}

/** A commit whose answer was lost: its targets are the present ones. */
async function alreadyCommitted(
  context: TransmitterContext,
  upload: UploadRecord,
  request: CommitRequest,
): Promise<ChannelRecord | undefined> {
  if (upload.state !== 'committed') return undefined
  const version = request.replaces + 1
  const file = await context.records.trust.find(upload.channel, `${version}.targets.json`)
  if (file === undefined) return undefined
  if (Buffer.from(file.bytes).toString('utf8') !== request.targets) return undefined
  return context.records.channels.find(upload.channel)
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
  name: ChannelName,
  channel: ChannelRecord | undefined,
  request: CommitRequest,
): Promise<VerifiedCommit> {
  const { trust } = context.records
  const current =
    channel === undefined
      ? undefined
      : {
          channelId: channel.channelId,
          root: (await trust.find(name, `${channel.versions.root}.root.json`))?.bytes,
          targets: (await trust.find(name, `${channel.versions.targets}.targets.json`))?.bytes,
        }
  if (current !== undefined && current.root === undefined) {
    throw new Error('the records lack the root of a channel')
  }
  const online = await context.keys.key(name, 'online')
  return verifyCommit({
    current:
      current?.root === undefined
        ? undefined
        : { channelId: current.channelId, root: current.root, targets: current.targets },
    roots: request.roots.map((text) => Buffer.from(text)),
    targets: Buffer.from(request.targets),
    nowMs: context.clock.now(),
    onlineKeyId: online.keyId,
  })
}

function requireSameRelease(
  manifest: Manifest,
  verified: VerifiedCommit,
  upload: UploadRecord,
): void {
  const { head } = verified
  const totals = totalsOf(manifest)
  const wrong =
    head.sha256 !== upload.manifestDigest ||
    manifest.channel !== verified.channelId ||
    manifest.release !== head.release ||
    head.entries !== totals.entries ||
    head.totalBytes !== totals.totalBytes ||
    head.largestFileBytes !== totals.largestFileBytes
  if (wrong) {
    throw transmitterError('LW_TRANSMIT_WRONG_MANIFEST', {
      detail: 'The signed metadata describe another one.',
    })
  }
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

function allObjects(
  manifest: Manifest,
  upload: UploadRecord,
  verified: VerifiedCommit,
): readonly ObjectRecord[] {
  const objects = new Map<Digest, ObjectRecord>()
  for (const [digest, file] of objectsOf(manifest)) objects.set(digest, { digest, size: file.size })
  objects.set(upload.manifestDigest, {
    digest: upload.manifestDigest,
    size: verified.head.bytes,
  })
  return [...objects.values()]
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
  const { targetsVersion } = verified
  return [
    ...files,
    {
      file: `${targetsVersion}.targets.json`,
      role: 'targets',
      version: targetsVersion,
      bytes: verified.targets,
    },
    ...onlineFiles(online),
  ]
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

function resultOf(
  context: TransmitterContext,
  channel: ChannelRecord,
  manifest: Manifest,
  upload: UploadRecord,
  repeated: boolean,
): CommitResult {
  void context
  const versions: TrustVersions = channel.versions
  return {
    channel: channel.channelId,
    release: manifest.release,
    manifest: upload.manifestDigest,
    targetsVersion: versions.targets,
    rootVersion: versions.root,
    published: timeText(Date.parse(manifest.published)),
    repeated,
    repeaters: [],
    warnings: [],
  }
}
