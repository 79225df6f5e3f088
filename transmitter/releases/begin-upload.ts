import { randomUUID } from 'node:crypto'
import {
  type ChannelName,
  type Digest,
  type FileEntry,
  filesOf,
  type Manifest,
  manifestId,
  parseManifest,
  type UploadState,
} from '../../protocol/index.ts'
import type { ObjectRecord, UploadRecord } from '../../store/server-records/index.ts'
import { type TransmitterContext, timeText } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { transmitterLimits as limits } from '../limits.ts'
import { loadManifest } from './load-manifest.ts'

/**
 * Begins an upload, or goes on with the open one of the same manifest. "Missing" considers only
 * what this channel refers to or this upload delivered, whatever the store holds otherwise.
 * @throws LW_TRANSMIT_WRONG_MANIFEST, LW_TRANSMIT_NAME_TAKEN, LW_TRANSMIT_ENDED, LW_FORMAT_…
 */
export async function beginUpload(
  context: TransmitterContext,
  name: ChannelName,
  manifestBytes: Uint8Array,
): Promise<UploadState> {
  const manifest = parseManifest(manifestBytes)
  const channel = await context.records.channels.find(name)
  if (manifest.name !== name) {
    throw transmitterError('LW_TRANSMIT_WRONG_MANIFEST', {
      detail: `It says ${manifest.name}, the URL says ${name}.`,
    })
  }
  if (channel !== undefined && channel.channelId !== manifest.channel) {
    throw transmitterError('LW_TRANSMIT_NAME_TAKEN', { members: { channel: channel.channelId } })
  }
  if (channel?.state === 'ended') throw transmitterError('LW_TRANSMIT_ENDED')
  const digest = manifestId(manifestBytes)
  const { uploads } = context.records
  let upload = await uploads.findOpen(name, digest)
  const nowMs = context.clock.now()
  const expiresAtMs = nowMs + limits.uploadLifetimeMs
  if (upload === undefined) {
    const online = await context.keys.key(name, 'online')
    upload = {
      id: randomUUID(),
      channel: name,
      manifestDigest: digest,
      baseTargetsVersion: channel?.versions.targets ?? 0,
      onlineKey: online.keyId,
      state: 'open',
      createdAtMs: nowMs,
      expiresAtMs,
    }
    const { state: _state, ...record } = upload
    await uploads.create(record)
  } else await uploads.extend(upload.id, expiresAtMs)
  await keepManifest(context, upload, digest, manifestBytes)
  return describeUpload(context, upload, manifest)
}

async function keepManifest(
  context: TransmitterContext,
  upload: UploadRecord,
  digest: Digest,
  bytes: Uint8Array,
): Promise<void> {
  const object = { digest, size: bytes.byteLength }
  await context.records.uploads.lease(upload.id, [object])
  await context.objects.receive({ ...object, source: [bytes] })
  await context.records.uploads.delivered(upload.id, [digest])
}

/** Says again what an open upload lacks. @throws LW_TRANSMIT_NO_UPLOAD */
export async function resumeUpload(
  context: TransmitterContext,
  name: ChannelName,
  id: string,
): Promise<UploadState> {
  const upload = await requireUpload(context, name, id)
  return describeUpload(context, upload, await loadManifest(context, upload.manifestDigest))
}

/** @throws LW_TRANSMIT_NO_UPLOAD */
export async function requireUpload(
  context: TransmitterContext,
  name: ChannelName,
  id: string,
): Promise<UploadRecord> {
  const upload = id.length > 64 ? undefined : await context.records.uploads.find(id)
  if (upload === undefined || upload.channel !== name) {
    throw transmitterError('LW_TRANSMIT_NO_UPLOAD')
  }
  return upload
}

/** The objects of a manifest, each once. */
export function objectsOf(manifest: Manifest): Map<Digest, FileEntry> {
  const objects = new Map<Digest, FileEntry>()
  for (const file of filesOf(manifest)) objects.set(file.sha256, file)
  return objects
}

async function describeUpload(
  context: TransmitterContext,
  upload: UploadRecord,
  manifest: Manifest,
): Promise<UploadState> {
  const objects = objectsOf(manifest)
  const missing = await context.records.uploads.missing(upload.id, [...objects.keys()])
  const before = await heldByPath(context, manifest)
  const rows: UploadState['missing'] = []
  const leases: ObjectRecord[] = []
  let reusedBytes = 0
  for (const [sha256, file] of objects) {
    if (!missing.has(sha256)) {
      reusedBytes += file.size
      continue
    }
    leases.push({ digest: sha256, size: file.size })
    const base = before.get(file.path)
    const partial = await context.objects.openPartial(partialKey(upload, sha256))
    rows.push({
      sha256,
      size: file.size,
      received: partial.bytes,
      ...(base === undefined || base.sha256 === sha256
        ? {}
        : { bases: [{ sha256: base.sha256, size: base.size }] }),
    })
    await partial.close()
  }
  for (let at = 0; at < leases.length; at += limits.leaseGroup) {
    await context.records.uploads.lease(upload.id, leases.slice(at, at + limits.leaseGroup))
  }
  return {
    upload: upload.id,
    expires: timeText(upload.expiresAtMs),
    manifest: upload.manifestDigest,
    missing: rows,
    reusedObjects: objects.size - missing.size,
    reusedBytes,
    requestBytesMax: limits.uploadRequestBytesMax,
  }
}

/** Names the partial object of an upload: two publishers never write to one. */
export function partialKey(upload: UploadRecord, digest: Digest): string {
  return `${upload.id}-${digest}`
}

/** The files of the channel's head by path: bases of deltas. */
async function heldByPath(
  context: TransmitterContext,
  manifest: Manifest,
): Promise<ReadonlyMap<string, FileEntry>> {
  const channel = await context.records.channels.find(manifest.name)
  if (channel === undefined) return new Map()
  const head = await context.records.releases.find(manifest.name, channel.headRelease)
  if (head === undefined) return new Map()
  const held = await loadManifest(context, head.manifestDigest)
  return new Map(filesOf(held).map((file) => [file.path as string, file]))
}
