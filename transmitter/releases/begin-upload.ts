import { randomUUID } from 'node:crypto'
import {
  type ChannelName,
  type Digest,
  holdsMain,
  isLongwaveError,
  type Manifest,
  manifestId,
  parseManifestInSlices,
  type UploadState,
} from '../../protocol/index.ts'
import type { ChannelRecord, ObjectRecord, UploadRecord } from '../../store/server-records/index.ts'
import { type TransmitterContext, timeText } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { transmitterLimits as limits } from '../limits.ts'
import type { LoadedManifest } from '../manifests/index.ts'

export interface BeginUpload {
  readonly name: ChannelName
  readonly manifestBytes: Uint8Array
  /** An earlier upload of the channel; what it delivered counts as delivered. */
  readonly continues?: string
}

/**
 * Begins an upload, or goes on with the open one of the same manifest. "Missing" considers only
 * what this channel refers to or this upload delivered, whatever the store holds otherwise.
 * @throws LW_TRANSMIT_WRONG_MANIFEST, LW_TRANSMIT_NO_MAIN, LW_TRANSMIT_NAME_TAKEN,
 *   LW_TRANSMIT_ENDED, LW_TRANSMIT_TOO_MANY_UPLOADS, LW_FORMAT_…
 */
export async function beginUpload(
  context: TransmitterContext,
  begin: BeginUpload,
): Promise<UploadState> {
  const { name, manifestBytes } = begin
  const manifest = await parseManifestInSlices(manifestBytes)
  if (manifest.name !== name) {
    throw transmitterError('LW_TRANSMIT_WRONG_MANIFEST', {
      detail: `It says ${manifest.name}, the URL says ${name}.`,
    })
  }
  if (!holdsMain(manifest)) {
    throw transmitterError('LW_TRANSMIT_NO_MAIN', {
      detail: `It is ${JSON.stringify(manifest.main)}.`,
    })
  }
  const channel = await context.records.channels.find(name)
  requireSameChannel(channel, manifest)
  if (channel?.state === 'ended') throw transmitterError('LW_TRANSMIT_ENDED')
  const digest = manifestId(manifestBytes)
  const upload = await openUpload(context, { name, digest, channel })
  await keepManifest(context, upload, manifestBytes)
  context.manifests.keep(digest, manifest)
  const loaded = await context.manifests.load(digest)
  if (begin.continues !== undefined) await adopt(context, upload, loaded, begin.continues)
  return describeUpload(context, upload, loaded)
}

/** @throws LW_TRANSMIT_NAME_TAKEN */
export function requireSameChannel(channel: ChannelRecord | undefined, manifest: Manifest): void {
  if (channel === undefined || channel.channelId === manifest.channel) return
  throw transmitterError('LW_TRANSMIT_NAME_TAKEN', { members: { channel: channel.channelId } })
}

async function openUpload(
  context: TransmitterContext,
  wanted: {
    readonly name: ChannelName
    readonly digest: Digest
    readonly channel: ChannelRecord | undefined
  },
): Promise<UploadRecord> {
  const { name, digest } = wanted
  const { uploads } = context.records
  const nowMs = context.clock.now()
  const expiresAtMs = nowMs + limits.uploadLifetimeMs
  const open = await uploads.findOpen(name, digest)
  if (open !== undefined && open.expiresAtMs > nowMs) {
    await uploads.extend(open.id, expiresAtMs)
    return { ...open, expiresAtMs }
  }
  await uploads.expire(nowMs)
  if ((await uploads.listOpen(name)).length >= limits.openUploadsMax) {
    throw transmitterError('LW_TRANSMIT_TOO_MANY_UPLOADS', { retryAfterSeconds: 60 })
  }
  const online = await context.keys.key(name, 'online')
  const record = {
    id: randomUUID(),
    channel: name,
    manifestDigest: digest,
    baseTargetsVersion: wanted.channel?.versions.targets ?? 0,
    onlineKey: online.keyId,
    createdAtMs: nowMs,
    expiresAtMs,
  }
  await uploads.create(record)
  return { ...record, state: 'open' }
}

async function keepManifest(
  context: TransmitterContext,
  upload: UploadRecord,
  bytes: Uint8Array,
): Promise<void> {
  const digest = upload.manifestDigest
  const object = { digest, size: bytes.byteLength }
  await context.records.uploads.lease(upload.id, [object])
  await context.objects.receive({ ...object, source: [bytes] })
  await context.records.uploads.delivered(upload.id, [digest])
}

/** Takes over what an earlier upload of the channel delivered and ends it; one that is gone is passed over. */
async function adopt(
  context: TransmitterContext,
  upload: UploadRecord,
  { objects }: LoadedManifest,
  earlierId: string,
): Promise<void> {
  const { uploads } = context.records
  const earlier = earlierId.length > 64 ? undefined : await uploads.find(earlierId)
  if (earlier === undefined || earlier.id === upload.id) return
  if (earlier.channel !== upload.channel || earlier.state !== 'open') return
  const lacking = [...(await uploads.missing(upload.id, [...objects.keys()]))]
  const unknown = await uploads.missing(earlier.id, lacking)
  const delivered: ObjectRecord[] = []
  for (const digest of lacking) {
    const size = objects.get(digest)?.size
    if (!unknown.has(digest) && size !== undefined) delivered.push({ digest, size })
  }
  for (let at = 0; at < delivered.length; at += limits.leaseGroup) {
    const group = delivered.slice(at, at + limits.leaseGroup)
    await uploads.lease(upload.id, group)
    await uploads.delivered(
      upload.id,
      group.map((object) => object.digest),
    )
  }
  await uploads.abandon(earlier.id, context.clock.now())
}

/** Says again what an open upload lacks. @throws LW_TRANSMIT_NO_UPLOAD */
export async function resumeUpload(
  context: TransmitterContext,
  name: ChannelName,
  id: string,
): Promise<UploadState> {
  const upload = await requireOpenUpload(context, name, id)
  return describeUpload(context, upload, await context.manifests.load(upload.manifestDigest))
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

/** @throws LW_TRANSMIT_NO_UPLOAD also when it was committed or ran out */
export async function requireOpenUpload(
  context: TransmitterContext,
  name: ChannelName,
  id: string,
): Promise<UploadRecord> {
  const upload = await requireUpload(context, name, id)
  if (upload.state !== 'open' || upload.expiresAtMs <= context.clock.now()) {
    throw transmitterError('LW_TRANSMIT_NO_UPLOAD')
  }
  return upload
}

async function describeUpload(
  context: TransmitterContext,
  upload: UploadRecord,
  { objects }: LoadedManifest,
): Promise<UploadState> {
  const missing = await missingObjects(context, upload, objects)
  context.missing.note(upload.id, missing)
  await leaseAll(context, upload, objects, missing)
  const before = await heldByPath(context, upload.channel)
  // Once for all of them: a manifest may list a million objects.
  const begun = await context.objects.partialKeys(`${upload.id}-`)
  const rows: UploadState['missing'] = []
  let reusedObjects = 0
  let reusedBytes = 0
  for (const [sha256, file] of objects) {
    const whole = { digest: sha256, size: file.size }
    let received = missing.has(sha256) ? 0 : undefined
    if (received === 0 && begun.has(partialKey(upload, sha256))) {
      received = await receivedBytes(context, upload, whole)
    }
    if (received === undefined) {
      reusedObjects++
      reusedBytes += file.size
      continue
    }
    const base = before?.filesByPath.get(file.path)
    rows.push({
      sha256,
      size: file.size,
      received,
      ...(base === undefined || base.sha256 === sha256
        ? {}
        : { bases: [{ sha256: base.sha256, size: base.size }] }),
    })
  }
  return {
    upload: upload.id,
    expires: timeText(upload.expiresAtMs),
    manifest: upload.manifestDigest,
    missing: rows,
    reusedObjects,
    reusedBytes,
    requestBytesMax: limits.uploadRequestBytesMax,
    codings: ['br'],
  }
}

/**
 * What the channel does not refer to and the upload did not deliver; and what is referred to and
 * was set aside as damaged, so that publishing again heals it.
 */
export async function missingObjects(
  context: TransmitterContext,
  upload: UploadRecord,
  objects: LoadedManifest['objects'],
): Promise<ReadonlySet<Digest>> {
  const missing = await context.records.uploads.missing(upload.id, [...objects.keys()])
  for (const digest of await context.objects.missing(objects.keys())) missing.add(digest)
  return missing
}

async function leaseAll(
  context: TransmitterContext,
  upload: UploadRecord,
  objects: LoadedManifest['objects'],
  missing: ReadonlySet<Digest>,
): Promise<void> {
  const leases: ObjectRecord[] = []
  for (const digest of missing) leases.push({ digest, size: objects.get(digest)?.size ?? 0 })
  for (let at = 0; at < leases.length; at += limits.leaseGroup) {
    await context.records.uploads.lease(upload.id, leases.slice(at, at + limits.leaseGroup))
  }
}

/** Bytes of an object whose pieces began to arrive; undefined when it is complete after all. */
async function receivedBytes(
  context: TransmitterContext,
  upload: UploadRecord,
  whole: ObjectRecord,
): Promise<number | undefined> {
  const partial = await context.objects.openPartial(partialKey(upload, whole.digest))
  try {
    if (partial.bytes === 0) {
      await partial.discard()
      return 0
    }
    if (partial.bytes < whole.size) return partial.bytes
    // The answer to its last piece got lost, or a crash came between.
    await partial.finish(whole)
    await context.records.uploads.delivered(upload.id, [whole.digest])
    context.missing.deliver(upload.id, [whole.digest])
    return undefined
  } catch (error) {
    if (isLongwaveError(error, 'LW_STORE_DIGEST_MISMATCH')) return 0
    throw error
  } finally {
    await partial.close()
  }
}

/** Names the partial object of an upload: two publishers never write to one. */
export function partialKey(upload: UploadRecord, digest: Digest): string {
  return `${upload.id}-${digest}`
}

/** The files of the channel's head by path: bases of deltas. */
async function heldByPath(
  context: TransmitterContext,
  name: ChannelName,
): Promise<LoadedManifest | undefined> {
  const channel = await context.records.channels.find(name)
  if (channel === undefined) return undefined
  const head = await context.records.releases.find(name, channel.headRelease)
  return head && context.manifests.load(head.manifestDigest)
}
