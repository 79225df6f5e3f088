import { pipeline, Readable } from 'node:stream'
import { constants, createBrotliCompress } from 'node:zlib'
import type { Digest } from '../../protocol/index.ts'
import type { ObjectStore, StoredObject } from '../../store/objects/index.ts'
import { servingLimits as limits } from '../limits.ts'

/** What the compressor is given at once: each piece costs a turn of zlib's threads. */
const pieceBytes = 128 * 1024

/** What a pack is made of. */
export interface PackSource {
  readonly store: Pick<ObjectStore, 'load'>
  readonly objects: readonly StoredObject[]
  /** Told of an object that could not be read as its digest names it. */
  readonly onLost: (digest: Digest) => void
}

/**
 * The bytes of objects one after the other as one Brotli stream, compressed in zlib's threads and
 * only as fast as it is read. Each object is verified first; one that is missing or damaged ends
 * the stream with the store's error.
 */
export function packBody(source: PackSource): Readable {
  const bytes = source.objects.reduce((sum, { size }) => sum + size, 0)
  const encoder = createBrotliCompress({
    chunkSize: 64 * 1024,
    params: {
      [constants.BROTLI_PARAM_QUALITY]: limits.packQuality,
      [constants.BROTLI_PARAM_LGWIN]: limits.packWindowBits,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes,
    },
  })
  // What fails there also ends the reading of the encoder, which tells it.
  pipeline(Readable.from(joined(loadInOrder(source))), encoder, () => undefined)
  return encoder
}

async function load({ store, onLost }: PackSource, object: StoredObject): Promise<Uint8Array> {
  try {
    return await store.load(object.digest, { bytesMax: object.size })
  } catch (error) {
    onLost(object.digest)
    throw error
  }
}

/** Loads objects one after the other, some of them ahead of their turn. */
async function* loadInOrder(source: PackSource): AsyncGenerator<Uint8Array> {
  const { objects } = source
  const ahead: Promise<Uint8Array>[] = []
  let begun = 0
  let aheadBytes = 0
  const isRoom = (size: number): boolean =>
    ahead.length === 0 ||
    (ahead.length < limits.packAheadObjectsMax && aheadBytes + size <= limits.packAheadBytesMax)
  for (const { size } of objects) {
    for (let next = objects[begun]; next !== undefined && isRoom(next.size); ) {
      const loading = load(source, next)
      // Its turn tells a failure; nobody waits any more when the client has gone before.
      loading.catch(() => undefined)
      ahead.push(loading)
      aheadBytes += next.size
      next = objects[++begun]
    }
    const bytes = await ahead.shift()
    aheadBytes -= size
    if (bytes !== undefined) yield bytes
  }
}

/** Small pieces put together to some that are worth a turn. */
async function* joined(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = []
  let bytes = 0
  for await (const piece of pieces) {
    held.push(piece)
    bytes += piece.byteLength
    if (bytes < pieceBytes) continue
    yield Buffer.concat(held, bytes)
    held = []
    bytes = 0
  }
  if (bytes > 0) yield Buffer.concat(held, bytes)
}
