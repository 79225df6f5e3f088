import { promisify } from 'node:util'
import { brotliDecompress } from 'node:zlib'
import { isLongwaveError } from '../protocol/index.ts'
import { inParallel } from '../store/durable-files/index.ts'
import { ByteBudget } from './byte-budget.ts'
import { downloadVerified } from './download.ts'
import { mirroringError } from './errors.ts'
import { absentStatus, type FetchContext, requestOptions } from './fetch-context.ts'
import { fetchPacks } from './fetch-packs.ts'
import { mirroringLimits as limits } from './limits.ts'
import type { PackSource } from './pack-source.ts'
import { damaged, verifyObject, type WantedObject } from './wanted-object.ts'

const decompress = promisify(brotliDecompress)

const packed =
  /^(image\/(?!svg|bmp|x-icon|vnd\.microsoft)|video\/|audio\/(?!midi|x-wav)|font\/woff)|zip|gzip|compressed|x-7z|x-xz|zstd|brotli/

/** Whether asking for the precompressed form of an object is worth a request. */
export function mayCompress(object: WantedObject): boolean {
  return (
    object.size >= limits.compressedAskBytesMin &&
    object.size <= limits.compressedBytesMax &&
    !packed.test(object.mime)
  )
}

/** Memory that fetching an object takes at the most. */
function memoryOf(object: WantedObject): number {
  if (mayCompress(object)) return 2 * object.size
  return object.size <= limits.inMemoryBytesMax ? object.size : limits.streamBytes
}

/**
 * Fetches whole objects into staging and verifies each before it gets its name. Goes to the next
 * source when one fails, and keeps what was verified.
 * @param packs where small objects are asked for many at a time
 * @returns bytes received.
 * @throws the last source's error when none could deliver an object.
 */
export async function fetchObjects(
  context: FetchContext,
  wanted: readonly WantedObject[],
  packs?: PackSource,
): Promise<number> {
  const { staging } = context
  const lacking = wanted.filter((object) => !staging.has(object.sha256))
  const totalBytes = lacking.reduce((sum, object) => sum + object.size, 0)
  const budget = new ByteBudget(limits.inMemoryBudgetBytes)
  let received = 0
  let doneBytes = 0
  const onReceived = (bytes: number): void => {
    received += bytes
  }
  const onAdopted = (object: WantedObject): void => {
    doneBytes += object.size
    context.onProgress?.({ stage: 'objects', doneBytes, totalBytes })
  }
  if (packs !== undefined) await fetchPacks(context, packs, lacking, { onReceived, onAdopted })
  const left = lacking.filter((object) => !staging.has(object.sha256))
  await inParallel(left, limits.concurrentObjects, (object) =>
    budget.hold(memoryOf(object), async () => {
      context.signal?.throwIfAborted()
      onReceived(await fetchObject(context, object))
      onAdopted(object)
    }),
  )
  return received
}

/**
 * Fetches one object from the first source that delivers its bytes. Bytes that were damaged on
 * their way are worth another round; what the transport gave up is not.
 */
async function fetchObject(context: FetchContext, object: WantedObject): Promise<number> {
  const wasted = { bytes: 0 }
  let last: unknown
  for (let round = 1; round <= limits.damagedRoundsMax; round++) {
    for (const source of context.sources) {
      try {
        return wasted.bytes + (await fetchFrom(context, source, object, wasted))
      } catch (error) {
        context.signal?.throwIfAborted()
        if (!isLongwaveError(error)) throw error
        last = error
      }
    }
    if (!isLongwaveError(last, 'LW_MIRROR_OBJECT')) break
  }
  throw last ?? mirroringError('LW_MIRROR_NO_SOURCE')
}

async function fetchFrom(
  context: FetchContext,
  source: string,
  object: WantedObject,
  wasted: { bytes: number },
): Promise<number> {
  const url = `${source}/objects/${object.sha256}`
  if (object.size === 0) {
    await context.staging.adoptBytes(object.sha256, new Uint8Array(0))
    return 0
  }
  if (mayCompress(object)) {
    const received = await fetchCompressed(context, url, object, wasted)
    if (received !== undefined) return received
  }
  if (object.size <= limits.inMemoryBytesMax) return fetchSmall(context, url, object, wasted)
  const { sha256, size } = object
  const download = { url, sha256, size, stage: 'objects' } as const
  const { file, received } = await downloadVerified(context, download).catch((error: unknown) => {
    if (isLongwaveError(error, 'LW_TRANSFER_NOT_FOUND')) throw gone(object, 404, error)
    throw error
  })
  await context.staging.adoptFile(sha256, file)
  return received
}

/** The precompressed form; undefined sends us to the plain one, which is always right to ask for. */
async function fetchCompressed(
  context: FetchContext,
  url: string,
  object: WantedObject,
  wasted: { bytes: number },
): Promise<number | undefined> {
  let received = 0
  try {
    const answer = await context.transport.fetchBytes(`${url}.br`, {
      ...requestOptions(context),
      bytesMax: object.size,
      acceptStatus: absentStatus,
    })
    if (answer.status !== 200) return undefined
    received = answer.bytes.byteLength
    const bytes = await unpack(answer.bytes, object)
    await context.staging.adoptBytes(object.sha256, bytes)
    return received
  } catch (error) {
    context.signal?.throwIfAborted()
    if (!isLongwaveError(error)) throw error
    wasted.bytes += received
    return undefined
  }
}

async function unpack(bytes: Uint8Array, object: WantedObject): Promise<Uint8Array> {
  try {
    const plain = await decompress(bytes, { maxOutputLength: object.size })
    verifyObject(object, plain)
    return plain
  } catch (cause) {
    if (isLongwaveError(cause)) throw cause
    throw damaged(object, cause)
  }
}

/** What the signed manifest names and a server lacks: no word about the channel. */
function gone(object: WantedObject, status: number, cause?: unknown): Error {
  return mirroringError('LW_MIRROR_OBJECT_GONE', {
    detail: `${object.sha256.slice(0, 16)}… answered ${status}.`,
    members: { object: object.sha256, status },
    cause,
  })
}

async function fetchSmall(
  context: FetchContext,
  url: string,
  object: WantedObject,
  wasted: { bytes: number },
): Promise<number> {
  const answer = await context.transport.fetchBytes(url, {
    ...requestOptions(context),
    bytesMax: object.size,
    acceptStatus: absentStatus,
  })
  if (answer.status !== 200) {
    throw gone(object, answer.status)
  }
  try {
    verifyObject(object, answer.bytes)
  } catch (error) {
    wasted.bytes += answer.bytes.byteLength
    throw error
  }
  await context.staging.adoptBytes(object.sha256, answer.bytes)
  return answer.bytes.byteLength
}
