import { promisify } from 'node:util'
import { brotliDecompress } from 'node:zlib'
import { type Digest, digestOf, LongwaveError } from '../protocol/index.ts'
import type { BytesRequest, Transport, TransportClock } from '../transport/index.ts'
import { mirroringError } from './errors.ts'
import { mirroringLimits } from './limits.ts'
import { hashHandle, ignoreMissing, type StagingArea } from './staging-area.ts'

const decompress = promisify(brotliDecompress)

/** An object that is wanted. */
export interface WantedObject {
  readonly sha256: Digest
  /** Bytes, from a signed manifest. */
  readonly size: number
  /** Media type, which tells whether a compressed form is likely; empty when unknown. */
  readonly mime: string
}

/** Bytes that crossed the network, by what they were for. */
export interface TransferCost {
  manifest: number
  bundle: number
  objects: number
}

export interface FetchContext {
  readonly transport: Transport
  /** Channel URLs to fetch from, best first; the next is asked when one fails. */
  readonly sources: readonly string[]
  readonly staging: StagingArea
  readonly clock: TransportClock
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: FetchProgress) => void
}

export interface FetchProgress {
  readonly stage: 'manifest' | 'bundle' | 'objects' | 'apply'
  readonly doneBytes: number
  readonly totalBytes: number
}

const packed =
  /^(image\/(?!svg|bmp|x-icon|vnd\.microsoft)|video\/|audio\/(?!midi|x-wav)|font\/woff)|zip|gzip|compressed|x-7z|x-xz|zstd|brotli/

/** What says that there is nothing at a URL, as static servers say it too. */
const absentStatus = [403, 404, 410]

/** Options that every request of a fetch shares. */
export function requestOptions(context: FetchContext): Pick<BytesRequest, 'headers' | 'signal'> {
  return {
    ...(context.headers === undefined ? {} : { headers: context.headers }),
    ...(context.signal === undefined ? {} : { signal: context.signal }),
  }
}

/** Whether asking for the precompressed form of an object is worth a request. */
function mayCompress(object: WantedObject): boolean {
  return object.size >= mirroringLimits.compressedAskBytesMin && !packed.test(object.mime)
}

/**
 * Fetches whole objects into staging and verifies each before it gets its name. Goes to the next
 * source when one fails, and keeps what was verified.
 * @returns bytes received.
 * @throws the last source's error when none could deliver an object.
 */
export async function fetchObjects(
  context: FetchContext,
  wanted: readonly WantedObject[],
): Promise<number> {
  const queue = wanted.filter((object) => !context.staging.has(object.sha256))
  const totalBytes = queue.reduce((sum, object) => sum + object.size, 0)
  const state = { received: 0, doneBytes: 0, memoryBytes: 0, next: 0, failed: false }
  const worker = async (): Promise<void> => {
    while (!state.failed) {
      const object = queue[state.next++]
      if (object === undefined) return
      context.signal?.throwIfAborted()
      try {
        state.received += await fetchObject(context, object)
      } catch (error) {
        state.failed = true
        throw error
      }
      state.doneBytes += object.size
      context.onProgress?.({ stage: 'objects', doneBytes: state.doneBytes, totalBytes })
    }
  }
  const largest = queue.reduce((most, object) => Math.max(most, object.size), 1)
  const inMemory = Math.min(largest, mirroringLimits.inMemoryBytesMax)
  const workers = Math.min(
    mirroringLimits.concurrentObjects,
    Math.max(2, Math.floor(mirroringLimits.inMemoryBudgetBytes / (2 * inMemory))),
  )
  const outcomes = await Promise.allSettled(
    Array.from({ length: Math.min(workers, queue.length) }, worker),
  )
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  return state.received
}

/** Fetches one object from the first source that delivers its bytes. */
async function fetchObject(context: FetchContext, object: WantedObject): Promise<number> {
  let last: unknown
  for (const source of context.sources) {
    try {
      return await fetchFrom(context, source, object)
    } catch (error) {
      context.signal?.throwIfAborted()
      if (!(error instanceof LongwaveError)) throw error
      last = error
    }
  }
  throw last ?? mirroringError('LW_MIRROR_NO_SOURCE')
}

async function fetchFrom(
  context: FetchContext,
  source: string,
  object: WantedObject,
): Promise<number> {
  const url = `${source}/objects/${object.sha256}`
  if (object.size === 0) {
    await context.staging.adoptBytes(object.sha256, new Uint8Array(0))
    return 0
  }
  let received = 0
  if (mayCompress(object)) {
    const outcome = await fetchCompressed(context, url, object)
    if (outcome.done) return outcome.received
    received = outcome.received
  }
  if (object.size <= mirroringLimits.inMemoryBytesMax) {
    return received + (await fetchSmall(context, url, object))
  }
  return received + (await fetchLarge(context, url, object))
}

/** The precompressed form, for objects that fit into memory; `done: false` sends us to the plain one. */
async function fetchCompressed(
  context: FetchContext,
  url: string,
  object: WantedObject,
): Promise<{ readonly done: boolean; readonly received: number }> {
  if (object.size > mirroringLimits.inMemoryBytesMax * 16) return { done: false, received: 0 }
  const answer = await context.transport.fetchBytes(`${url}.br`, {
    ...requestOptions(context),
    bytesMax: object.size,
    acceptStatus: absentStatus,
  })
  if (answer.status !== 200) return { done: false, received: 0 }
  let bytes: Buffer
  try {
    bytes = await decompress(answer.bytes, { maxOutputLength: object.size })
  } catch (cause) {
    throw mirroringError('LW_MIRROR_OBJECT', { cause, members: { object: object.sha256 } })
  }
  verifyObject(object, bytes)
  await context.staging.adoptBytes(object.sha256, bytes)
  return { done: true, received: answer.bytes.byteLength }
}

function verifyObject(object: WantedObject, bytes: Uint8Array): void {
  if (bytes.byteLength !== object.size || digestOf(bytes) !== object.sha256) {
    throw mirroringError('LW_MIRROR_OBJECT', {
      detail: `Object ${object.sha256.slice(0, 16)}….`,
      members: { object: object.sha256 },
    })
  }
}

async function fetchSmall(
  context: FetchContext,
  url: string,
  object: WantedObject,
): Promise<number> {
  const answer = await context.transport.fetchBytes(url, {
    ...requestOptions(context),
    bytesMax: object.size,
    acceptStatus: absentStatus,
  })
  refuseMissing(answer.status, object.sha256)
  verifyObject(object, answer.bytes)
  await context.staging.adoptBytes(object.sha256, answer.bytes)
  return answer.bytes.byteLength
}

/** Streams a large object to a partial file that a later run continues, and hashes it as it lies. */
async function fetchLarge(
  context: FetchContext,
  url: string,
  object: WantedObject,
): Promise<number> {
  const partial = await downloadToPartial(context, url, object.sha256, object.size, 'objects')
  if (partial.digest !== object.sha256) {
    await context.staging.fileSystem.unlink(partial.file)
    throw mirroringError('LW_MIRROR_OBJECT', {
      detail: `Object ${object.sha256.slice(0, 16)}….`,
      members: { object: object.sha256 },
    })
  }
  await context.staging.adoptFile(object.sha256, partial.file)
  return partial.received
}

export function refuseMissing(status: number, digest: Digest): void {
  if (status === 200 || status === 206) return
  throw mirroringError('LW_MIRROR_OBJECT_GONE', {
    detail: `${digest.slice(0, 16)}… answered ${status}.`,
    members: { object: digest, status },
  })
}

/**
 * Downloads exactly `size` bytes to `partial/KEY`, continuing what an earlier run left there.
 * The hash is taken from the file, so that it covers what really lies on the disk.
 */
export async function downloadToPartial(
  context: FetchContext,
  url: string,
  key: Digest,
  size: number,
  stage: FetchProgress['stage'],
): Promise<{ readonly file: string; readonly digest: Digest; readonly received: number }> {
  const { staging, transport } = context
  const fs = staging.fileSystem
  const file = staging.partialPath(key)
  await (await fs.open(file, 'a', 0o600)).close()
  const handle = await fs.open(file, 'r+')
  let received = 0
  try {
    let offset = Math.min((await handle.stat()).size, size)
    if (offset < size) {
      await transport.fetchToSink(url, {
        ...requestOptions(context),
        expectedBytes: size,
        bytesMax: size,
        // The URL names the hash of its bytes: a part needs no entity tag to belong to the rest.
        immutable: true,
        resume: { offset },
        sink: {
          write: async (chunk) => {
            await handle.write(chunk, offset)
            offset += chunk.byteLength
            received += chunk.byteLength
            context.onProgress?.({ stage, doneBytes: offset, totalBytes: size })
          },
          restart: async () => {
            await handle.truncate(0)
            offset = 0
          },
        },
      })
    }
    return { file, digest: await hashHandle(handle), received }
  } finally {
    await handle.close()
  }
}

/** Removes a partial download that must not be continued. */
export async function discardPartial(staging: StagingArea, key: Digest): Promise<void> {
  await staging.fileSystem.unlink(staging.partialPath(key)).catch(ignoreMissing)
}
