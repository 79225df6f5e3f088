import { brotliCompressSync, constants } from 'node:zlib'
import { deltaLimits } from '../limits.ts'
import type { Effort } from '../matching/effort.ts'
import type { BulkMethod } from './bulk-reader.ts'

/** Above so many bytes the best setting of brotli takes too long: it does half a MB a second. */
const slowBytesMax = { fast: 1 << 13, best: 1 << 15 } as const
/** Above so many bytes a lighter setting is taken. */
const lightBytesMin = { fast: 32 << 20, best: 64 << 20 } as const
const smallWindowBits = 23
/**
 * Streams that pack well gain an eighth from a setting that takes a microsecond per byte; those
 * that do not gain little.
 */
const thoroughBytesMax = 4 << 20
const thoroughRatioMax = 0.37
const thoroughQuality = 10
/** Takes a fifth of the time of the usual setting, and gives about a tenth more. */
const lightQuality = 5

export interface PackedBulk {
  readonly method: BulkMethod
  readonly bytes: Uint8Array
}

/** Packs a stream that does not go through the range coder, by whatever is smaller. */
export function packBulk(pieces: readonly Uint8Array[], effort: Effort): PackedBulk {
  const stored = Buffer.concat(pieces)
  if (stored.length === 0) return { method: 'none', bytes: stored }
  const small = stored.length <= deltaLimits.bulkAtOnceBytesMax
  const packed = pack(stored, qualityOf(stored, effort))
  if (packed.length >= stored.length) return { method: 'stored', bytes: stored }
  return { method: small ? 'brotli' : 'brotli-streamed', bytes: packed }
}

/** The quality that pays: a light setting says how well the stream packs. */
function qualityOf(stored: Uint8Array, effort: Effort): number {
  const quality = qualityFor(stored.length, effort)
  const mayBeThorough = effort === 'best' && stored.length <= thoroughBytesMax
  if (!mayBeThorough || quality >= thoroughQuality) return quality
  const packed = pack(stored, lightQuality)
  return packed.length < stored.length * thoroughRatioMax ? thoroughQuality : quality
}

function pack(stored: Uint8Array, quality: number): Uint8Array {
  const small = stored.length <= deltaLimits.bulkAtOnceBytesMax
  return brotliCompressSync(stored, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_LGWIN]: small ? smallWindowBits : constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: stored.length,
    },
  })
}

function qualityFor(bytes: number, effort: Effort): number {
  if (bytes <= slowBytesMax[effort]) return 11
  return bytes <= lightBytesMin[effort] ? 9 : lightQuality
}
