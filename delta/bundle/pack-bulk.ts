import { brotliCompressSync, constants } from 'node:zlib'
import type { Effort } from '../matching/file-matcher.ts'
import type { BulkMethod } from './bulk-reader.ts'

/** Above so many bytes the best setting of brotli takes too long. */
const slowBytesMax = 4 << 20
/** Above so many bytes a making at the moment of commit takes a lighter setting. */
const lightBytesMin = 32 << 20

/** Packs the literals that do not go through the range coder, by whatever is smaller. */
export function packBulk(
  pieces: readonly Uint8Array[],
  effort: Effort,
): { readonly method: BulkMethod; readonly bytes: Uint8Array } {
  const stored = Buffer.concat(pieces)
  if (stored.length === 0) return { method: 'stored', bytes: stored }
  const quality = qualityFor(stored.length, effort)
  const packed = brotliCompressSync(stored, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: stored.length,
    },
  })
  return packed.length < stored.length
    ? { method: 'brotli', bytes: packed }
    : { method: 'stored', bytes: stored }
}

function qualityFor(bytes: number, effort: Effort): number {
  if (effort === 'best') return bytes <= slowBytesMax ? 11 : 9
  return bytes <= lightBytesMin ? 9 : 5
}
