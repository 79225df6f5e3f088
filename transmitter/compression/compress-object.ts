import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createBrotliCompress } from 'node:zlib'
import type { ObjectReader } from '../../store/objects/index.ts'
import { transmitterLimits as limits } from '../limits.ts'

/** Brotli's quality for an object: small ones are served often and cost little. */
export function qualityFor(bytes: number): number {
  if (bytes <= limits.compressBestBytesMax) return 11
  return bytes <= limits.compressGoodBytesMax ? 9 : 5
}

/**
 * Whether compressing an object is likely to pay, judged by quick tries at its beginning and in
 * its middle: photographs and archives are not worked on for nothing.
 */
export async function looksCompressible(
  reader: ObjectReader,
  signal: AbortSignal,
): Promise<boolean> {
  const sample = limits.compressSampleBytes
  if (reader.size <= sample) return true
  for (const position of [0, Math.floor((reader.size - sample) / 2)]) {
    const bytes = Buffer.alloc(sample)
    const count = await reader.read(position, bytes)
    const source = [bytes.subarray(0, count)]
    let packed = 0
    for await (const chunk of brotli(source, { quality: 1, bytes: count, signal })) {
      packed += chunk.byteLength
    }
    if (packed < count * limits.compressShareMax) return true
  }
  return false
}

/** The compressed form of an object, piece by piece, made in zlib's threads. */
export function compressed(reader: ObjectReader, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const how = { quality: qualityFor(reader.size), bytes: reader.size, signal }
  return brotli(pieces(reader), how)
}

const pieceBytes = 64 * 1024

async function* pieces(reader: ObjectReader): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < reader.size; ) {
    // Not used again: the encoder may still read it.
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, reader.size - at))
    const count = await reader.read(at, piece)
    if (count <= 0) throw new Error('a stored object is shorter than it was')
    yield piece.subarray(0, count)
    at += count
  }
}

async function* brotli(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  how: { readonly quality: number; readonly bytes: number; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const encoder = createBrotliCompress({
    params: {
      [constants.BROTLI_PARAM_QUALITY]: how.quality,
      [constants.BROTLI_PARAM_SIZE_HINT]: Math.min(how.bytes, 2 ** 30),
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    },
  })
  const feeding = pipeline(Readable.from(source), encoder, { signal: how.signal })
  // What goes wrong there also ends the reading below, which tells it.
  feeding.catch(() => undefined)
  yield* encoder
  await feeding
}
