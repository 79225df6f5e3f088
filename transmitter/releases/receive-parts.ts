import type { MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import {
  type ChannelName,
  type Digest,
  digestOf,
  isLongwaveError,
  type ObjectsReceived,
  type PartName,
  parsePartName,
} from '../../protocol/index.ts'
import { type IncomingObject, storeError } from '../../store/objects/index.ts'
import type { ObjectRecord, UploadRecord } from '../../store/server-records/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { transmitterLimits as limits } from '../limits.ts'
import type { LoadedManifest } from '../manifests/index.ts'
import { partialKey, requireOpenUpload } from './begin-upload.ts'
import { ProvingBytes, partBytes } from './part-bytes.ts'
import { receiveGdiff } from './receive-gdiff.ts'
import { boundBody, drainBody } from './request-body.ts'

/**
 * Takes the parts of one `objects` request in order, each straight into the store; what was
 * complete before the connection broke stays.
 * @throws LW_TRANSMIT_UNEXPECTED_PART, LW_TRANSMIT_BROKEN_UPLOAD, LW_TRANSMIT_TOO_LARGE,
 *   LW_STORE_DIGEST_MISMATCH, LW_STORE_PARTIAL
 */
export async function receiveParts(
  context: TransmitterContext,
  name: ChannelName,
  id: string,
  request: FastifyRequest,
): Promise<ObjectsReceived> {
  const upload = await requireOpenUpload(context, name, id)
  const { objects } = await context.manifests.load(upload.manifestDigest)
  const intake = new PartIntake(context, upload, objects)
  boundBody(request)
  let result: Omit<ObjectsReceived, 'missing'>
  try {
    result = await intake.take(request.files())
  } catch (error) {
    drainBody(request)
    throw error
  }
  return { ...result, missing: await countMissing(context, upload, objects) }
}

async function countMissing(
  context: TransmitterContext,
  upload: UploadRecord,
  objects: LoadedManifest['objects'],
): Promise<number> {
  const known = context.missing.count(upload.id)
  if (known !== undefined) return known
  const missing = await context.records.uploads.missing(upload.id, [...objects.keys()])
  context.missing.note(upload.id, missing)
  return missing.size
}

/** The parts of one request on their way into the store. */
class PartIntake {
  readonly #context: TransmitterContext
  readonly #upload: UploadRecord
  readonly #objects: LoadedManifest['objects']
  #stored = 0
  #storedBytes = 0
  #failure: unknown

  constructor(
    ...[context, upload, objects]: [TransmitterContext, UploadRecord, LoadedManifest['objects']]
  ) {
    this.#context = context
    this.#upload = upload
    this.#objects = objects
  }

  async take(parts: AsyncIterable<MultipartFile>): Promise<Omit<ObjectsReceived, 'missing'>> {
    await this.#context.objects.receiveMany(this.#smallObjects(parts), {
      onDurable: (objects) => this.#note(objects),
    })
    if (this.#failure !== undefined) throw this.#failure
    return { stored: this.#stored, storedBytes: this.#storedBytes }
  }

  async #note(objects: readonly ObjectRecord[]): Promise<void> {
    const digests = objects.map((object) => object.digest)
    await this.#context.records.uploads.delivered(this.#upload.id, digests)
    this.#context.missing.deliver(this.#upload.id, digests)
    this.#stored += objects.length
    for (const { size } of objects) this.#storedBytes += size
  }

  /**
   * Small objects are handed on to be made durable in groups; everything else is taken care of on
   * the way. A failure ends the list, so that the groups before it are finished first.
   */
  async *#smallObjects(parts: AsyncIterable<MultipartFile>): AsyncGenerator<IncomingObject> {
    try {
      for await (const part of wellFormed(parts)) {
        const small = await this.#takePart(part)
        if (small !== undefined) yield small
      }
    } catch (error) {
      this.#failure = error
    }
  }

  async #takePart(part: MultipartFile): Promise<IncomingObject | undefined> {
    const named = parsePartName(part.fieldname)
    const digest = named?.sha256 as Digest | undefined
    const size = digest === undefined ? undefined : this.#objects.get(digest)?.size
    if (named === undefined || digest === undefined || size === undefined) {
      throw transmitterError('LW_TRANSMIT_UNEXPECTED_PART', {
        detail: `It is called ${JSON.stringify(part.fieldname.slice(0, 200))}.`,
      })
    }
    const whole = { digest, size }
    if (named.kind === 'object' && size <= limits.partMemoryBytesMax) {
      return { ...whole, source: [await readSmall(part, named, whole)] }
    }
    if (named.kind === 'object') await this.#receiveLarge(part, named, whole)
    else if (named.kind === 'segment') {
      if (!(await this.#receiveSegment(part, named, whole))) return undefined
    } else {
      // A difference is never much longer than what it makes.
      const bytesMax = size + limits.partMemoryBytesMax
      const difference = partBytes(part, { coding: named.coding, bytesMax })
      const base = named.base as Digest
      await receiveGdiff(this.#context, { upload: this.#upload, whole, base, difference })
    }
    await this.#note([whole])
    return undefined
  }

  async #receiveLarge(part: MultipartFile, named: PartName, whole: ObjectRecord): Promise<void> {
    const { coding } = named
    const proving = new ProvingBytes(partBytes(part, { coding, bytesMax: whole.size }))
    await this.#context.objects.receive({ ...whole, source: proving.bytes() })
    await proving.prove(whole)
  }

  /** Appends a piece of a large object; true when that completed it. */
  async #receiveSegment(
    part: MultipartFile,
    named: Extract<PartName, { readonly kind: 'segment' }>,
    whole: ObjectRecord,
  ): Promise<boolean> {
    const { coding, offset } = named
    const bytesMax = Math.max(0, whole.size - offset)
    const partial = await this.#context.objects.openPartial(partialKey(this.#upload, whole.digest))
    try {
      await partial.append(offset, partBytes(part, { coding, bytesMax }))
      if (partial.bytes < whole.size) return false
      await partial.finish(whole)
      return true
    } finally {
      await partial.close()
    }
  }
}

/** All of a small part, compared before the store may say that it has it already. */
async function readSmall(
  part: MultipartFile,
  { coding }: PartName,
  whole: ObjectRecord,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of partBytes(part, { coding, bytesMax: whole.size })) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  if (bytes.byteLength === whole.size && digestOf(bytes) === whole.digest) return bytes
  throw storeError('LW_STORE_DIGEST_MISMATCH', { detail: `${whole.digest}.` })
}

/** The parts; what is wrong with the body around them is told as the sender's fault. */
async function* wellFormed(parts: AsyncIterable<MultipartFile>): AsyncGenerator<MultipartFile> {
  const iterator = parts[Symbol.asyncIterator]()
  for (let count = 0; ; count++) {
    let next: IteratorResult<MultipartFile>
    try {
      next = await iterator.next()
    } catch (cause) {
      if (isLongwaveError(cause) || isFrameworkError(cause)) throw cause
      throw transmitterError('LW_TRANSMIT_BROKEN_UPLOAD', { cause })
    }
    if (next.done === true && count === 0) throw transmitterError('LW_TRANSMIT_BROKEN_UPLOAD')
    if (next.done === true) return
    yield next.value
  }
}

/** Those carry a status of their own: too many parts, another media type. */
function isFrameworkError(error: unknown): boolean {
  return String((error as { readonly code?: unknown } | null)?.code ?? '').startsWith('FST_')
}
