import { promisify } from 'node:util'
import { brotliCompress, constants } from 'node:zlib'
import {
  type Digest,
  type FileEntry,
  type ObjectsReceived,
  type PartName,
  type UploadState,
  formatPartName,
} from '../../protocol/index.ts'
import { publishError } from '../errors.ts'
import { publisherLimits } from '../limits.ts'
import type { ScannedSource } from '../scan/index.ts'
import { type UploadPart, multipartBody, partOverhead } from './multipart-body.ts'
import { type ObjectDelta, makeObjectDelta } from './object-delta.ts'
import type { PublishApi } from './publish-api.ts'

const compress = promisify(brotliCompress)

/** What was sent, counted as it went over the wire. */
export interface SendTotals {
  sentBytes: number
  /** Bytes of objects that arrived, in whatever form; those of requests under way as far as sent. */
  doneBytes: number
  objects: number
  deltas: number
  /** Bytes of the objects that the deltas stand for. */
  deltaObjectBytes: number
}

export interface SendOptions {
  readonly api: PublishApi
  readonly source: ScannedSource
  readonly upload: UploadState
  /** One file of the release for each object, to know its kind. */
  readonly files: ReadonlyMap<string, FileEntry>
  /** Objects whose delta the transmitter did not take: they go as wholes. */
  readonly wholeOnly: Set<string>
  readonly boundary: () => string
  readonly totals: SendTotals
  readonly onSent: () => void
  readonly signal?: AbortSignal | undefined
}

type Missing = UploadState['missing'][number]

/** Work for one request, or for several that must follow each other. */
type Job =
  | { readonly kind: 'batch'; readonly objects: readonly Missing[] }
  | { readonly kind: 'large'; readonly object: Missing }
  | { readonly kind: 'delta'; readonly object: Missing }

/**
 * Sends everything that the transmitter lacks: small objects many at a time, large ones in
 * segments from where they stopped, deltas where there is a base. Returns how many objects are
 * still missing by the last answer; what failed is asked for and sent again by the caller.
 */
export async function sendMissing(options: SendOptions): Promise<number> {
  for (const { sha256, size } of options.upload.missing) {
    if (options.files.get(sha256)?.size !== size) {
      throw publishError('LW_PUBLISH_WRONG_ANSWER', {
        detail: 'It asks for an object that the release does not have.',
      })
    }
  }
  const jobs = planJobs(options)
  let missing = options.upload.missing.length
  const onReceived = (received: ObjectsReceived) => {
    missing = Math.min(missing, received.missing)
  }
  let failure: { readonly error: unknown } | undefined
  const worker = async (): Promise<void> => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      if (failure !== undefined) return
      try {
        await runJob(job, options, onReceived)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: publisherLimits.requestsAtOnce }, worker))
  if (failure !== undefined) throw failure.error
  return missing
}

function requestBytes(options: SendOptions): number {
  return Math.min(options.upload.requestBytesMax, publisherLimits.requestBytesMax)
}

function segmentBytes(options: SendOptions): number {
  const room = requestBytes(options) - 1024
  return Math.max(1, Math.min(room, publisherLimits.segmentBytesMax))
}

function planJobs(options: SendOptions): Job[] {
  const jobs: Job[] = []
  const room = requestBytes(options) - 256
  let batch: Missing[] = []
  let batchBytes = 0
  const flush = () => {
    if (batch.length > 0) jobs.push({ kind: 'batch', objects: batch })
    batch = []
    batchBytes = 0
  }
  for (const object of options.upload.missing) {
    const hasBase =
      (object.bases?.length ?? 0) > 0 &&
      object.size >= publisherLimits.deltaBytesMin &&
      object.received === 0 &&
      !options.wholeOnly.has(object.sha256)
    if (hasBase) jobs.push({ kind: 'delta', object })
    else if (object.received > 0 || object.size > segmentBytes(options)) {
      jobs.push({ kind: 'large', object })
    } else {
      const bytes = object.size + partOverhead(`object:${object.sha256}:br`)
      const full = batch.length >= publisherLimits.partsPerRequestMax
      if (full || batchBytes + bytes > room) flush()
      batch.push(object)
      batchBytes += bytes
    }
  }
  flush()
  return jobs
}

async function runJob(
  job: Job,
  options: SendOptions,
  onReceived: (received: ObjectsReceived) => void,
): Promise<void> {
  if (job.kind === 'batch') {
    const parts = job.objects.map((object) => wholePart(object, options))
    const objectBytes = job.objects.reduce((sum, object) => sum + object.size, 0)
    onReceived(await send(parts, objectBytes, options))
    options.totals.objects += job.objects.length
  } else if (job.kind === 'large') await sendSegments(job.object, options, onReceived)
  else await sendDelta(job.object, options, onReceived)
}

/** @param objectBytes bytes of the objects that the parts stand for */
async function send(
  parts: readonly UploadPart[],
  objectBytes: number,
  options: SendOptions,
): Promise<ObjectsReceived> {
  const { api, upload, totals } = options
  let counted = 0
  let done = 0
  const credit = (bytes: number): void => {
    totals.doneBytes += bytes - done
    done = bytes
    options.onSent()
  }
  const body = multipartBody(parts, options.boundary())
  const received = await api.sendParts(upload.upload, body, (sent) => {
    // A new attempt counts from the start: what the broken one sent was sent all the same.
    totals.sentBytes += sent < counted ? sent : sent - counted
    counted = sent
    credit(Math.min(sent, objectBytes))
  })
  credit(objectBytes)
  return received
}

function mayCompress(object: Missing, options: SendOptions): boolean {
  const { api, upload, files } = options
  return (
    !api.local &&
    upload.codings?.includes('br') === true &&
    object.size >= publisherLimits.compressBytesMin &&
    object.size <= publisherLimits.compressBytesMax &&
    isCompressible(files.get(object.sha256)?.mime ?? '')
  )
}

const packed =
  /^(image\/(?!svg|bmp|x-icon)|audio\/|video\/|font\/woff|application\/(zip|gzip|x-(gzip|xz|bzip2?|7z-compressed)|zstd|java-archive|vnd\.(rar|openxmlformats|oasis|android)))/

/** Whether compressing a kind of file may pay. */
export function isCompressible(mime: string): boolean {
  return !packed.test(mime)
}

function wholePart(object: Missing, options: SendOptions): UploadPart {
  const sha256 = object.sha256 as Digest
  const whole: UploadPart = {
    name: formatPartName({ kind: 'object', sha256 }),
    bytes: object.size,
    async *content() {
      if (object.size <= publisherLimits.smallFileBytesMax)
        yield await options.source.readWhole(sha256)
      else yield* options.source.stream(sha256)
    },
  }
  if (!mayCompress(object, options)) return whole
  return {
    name: formatPartName({ kind: 'object', sha256, coding: 'br' }),
    bytes: undefined,
    async *content() {
      yield await compressed(await options.source.readWhole(sha256))
    },
  }
}

/** Quality 4 is faster than most links; the transmitter makes its own, better form later. */
function compressed(bytes: Uint8Array): Promise<Uint8Array> {
  return compress(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 4,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength,
    },
  })
}

async function sendSegments(
  object: Missing,
  options: SendOptions,
  onReceived: (received: ObjectsReceived) => void,
): Promise<void> {
  const sha256 = object.sha256 as Digest
  const length = segmentBytes(options)
  for (let offset = object.received; offset < object.size || object.size === 0; offset += length) {
    options.signal?.throwIfAborted()
    const end = Math.min(object.size, offset + length)
    const part: PartName = { kind: 'segment', sha256, offset }
    const received = await send(
      [
        {
          name: formatPartName(part),
          bytes: end - offset,
          content: () => options.source.stream(sha256, offset, end),
        },
      ],
      end - offset,
      options,
    )
    if (end === object.size) {
      onReceived(received)
      break
    }
  }
  options.totals.objects++
}

async function sendDelta(
  object: Missing,
  options: SendOptions,
  onReceived: (received: ObjectsReceived) => void,
): Promise<void> {
  const sha256 = object.sha256 as Digest
  options.wholeOnly.add(sha256)
  const delta: ObjectDelta | undefined = await makeObjectDelta({
    api: options.api,
    source: options.source,
    object: { sha256, size: object.size },
    bases: object.bases ?? [],
    wholeBytes: await wholeBytes(object, options),
    signal: options.signal,
  })
  if (delta === undefined || delta.bytes > segmentBytes(options)) {
    await delta?.dispose()
    await runJob(
      object.size > segmentBytes(options)
        ? { kind: 'large', object }
        : { kind: 'batch', objects: [object] },
      options,
      onReceived,
    )
    return
  }
  try {
    const part: PartName = { kind: 'gdiff', sha256, base: delta.base }
    const bytes = delta.bytes
    const { content } = delta
    onReceived(await send([{ name: formatPartName(part), bytes, content }], object.size, options))
    options.totals.deltas++
    options.totals.objects++
    options.totals.deltaObjectBytes += object.size
  } finally {
    await delta.dispose()
  }
}

/** What the object costs as a whole on its way. */
async function wholeBytes(object: Missing, options: SendOptions): Promise<number> {
  if (!mayCompress(object, options)) return object.size
  return (await compressed(await options.source.readWhole(object.sha256 as Digest))).byteLength
}
