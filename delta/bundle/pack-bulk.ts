import { brotliCompressSync, constants } from 'node:zlib'
import { deltaLimits } from '../limits.ts'
import type { Effort } from '../matching/effort.ts'
import type { BulkMethod } from './bulk-reader.ts'

/** Above so many bytes the best setting of brotli takes too long: it does half a MB a second. */
const slowBytesMax = { fast: 1 << 13, best: 1 << 17 } as const
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
/** A release of which at least so much is new has little else to do than to be packed well. */
const newShareMin = 0.4
const newBytesMax = 32 << 20
/** What the light setting leaves of noise, which no other setting packs. */
const noiseRatioMin = 0.9
/** Takes a fifth of the time of the usual setting, and gives about a tenth more. */
const lightQuality = 5

export interface PackedBulk {
  readonly method: BulkMethod
  readonly bytes: Uint8Array
}

/**
 * Packs a stream that does not go through the range coder, by whatever is smaller. `share` is the
 * part that it has in all that is built: a small one must not take most of the time.
 */
export function packBulk(pieces: readonly Uint8Array[], effort: Effort, share = 0): PackedBulk {
  const stored = Buffer.concat(pieces)
  if (stored.length === 0) return { method: 'none', bytes: stored }
  const small = stored.length <= deltaLimits.bulkAtOnceBytesMax
  const packed = pack(stored, qualityOf(stored, effort, share))
  if (packed.length >= stored.length) return { method: 'stored', bytes: stored }
  return { method: small ? 'brotli' : 'brotli-streamed', bytes: packed }
}

/** The bytes that a light setting makes of a stream: enough to compare two of them. */
export function lightlyPacked(stored: Uint8Array): number {
  return pack(stored, lightQuality).length
}

/** The quality that pays: a light setting says how well the stream packs. */
function qualityOf(stored: Uint8Array, effort: Effort, share: number): number {
  const quality = qualityFor(stored.length, effort)
  const isNew = share >= newShareMin
  const bytesMax = isNew ? newBytesMax : thoroughBytesMax
  if (effort !== 'best' || stored.length > bytesMax || quality >= thoroughQuality) return quality
  const ratio = lightlyPacked(stored) / stored.length
  return ratio < (isNew ? noiseRatioMin : thoroughRatioMax) ? thoroughQuality : quality
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
