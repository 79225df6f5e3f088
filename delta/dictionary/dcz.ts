import { type Digest, digestOf } from '../../protocol/index.ts'
import { dictionaryError } from './errors.ts'
import { readFrame } from './frame-reader.ts'
import { writeFrame } from './frame-writer.ts'
import { dictionaryLimits } from './limits.ts'

/** RFC 9842 4: a skippable frame of 32 bytes, to be passed over by any Zstandard decoder. */
const dczMagic = Uint8Array.of(0x5e, 0x2a, 0x4d, 0x18, 0x20, 0, 0, 0)

const headBytes = dczMagic.byteLength + 32

/** The 40 bytes that begin every `dcz` body. */
export function dczHead(dictionary: Digest): Uint8Array {
  return Buffer.concat([dczMagic, Buffer.from(dictionary, 'hex')])
}

/** The largest window that every client of RFC 9842 holds for a dictionary of this size. */
export function windowBytesFor(dictionaryBytes: number): number {
  const { windowBytesMin, windowBytesMax } = dictionaryLimits
  return Math.min(Math.max(windowBytesMin, Math.floor(dictionaryBytes * 1.25)), windowBytesMax)
}

/**
 * Codes content as `dcz` (RFC 9842 5) with an older version as dictionary, and proves the body by
 * decoding it again. Takes seconds per 10 MB: call it off the event loop.
 * @throws LW_DELTA_DICTIONARY_LIMIT when both do not fit the limit
 */
export function encodeDcz(dictionary: Uint8Array, content: Uint8Array): Uint8Array {
  const bytes = dictionary.byteLength + content.byteLength
  if (bytes > dictionaryLimits.memoryBytesMax) {
    throw dictionaryError('LW_DELTA_DICTIONARY_LIMIT', {
      detail: `${bytes} bytes, at most ${dictionaryLimits.memoryBytesMax} are compared.`,
    })
  }
  const frame = writeFrame(dictionary, content, windowBytesFor(dictionary.byteLength))
  const proof = readFrame(dictionary, frame, { contentBytesMax: content.byteLength })
  if (Buffer.compare(proof, content) !== 0) throw new TypeError('the frame does not decode')
  return Buffer.concat([dczHead(digestOf(dictionary)), frame])
}

/**
 * Decodes a `dcz` body of one frame as `encodeDcz` makes them. Bounds-checked; other encoders'
 * bodies decode too as long as they are a single frame.
 * @throws LW_DELTA_DICTIONARY
 */
export function decodeDcz(
  dictionary: Uint8Array,
  body: Uint8Array,
  limits: { readonly contentBytesMax: number },
): Uint8Array {
  const head = body.subarray(0, headBytes)
  if (Buffer.compare(head, dczHead(digestOf(dictionary))) !== 0) {
    throw dictionaryError('LW_DELTA_DICTIONARY', { detail: 'It names another dictionary.' })
  }
  return readFrame(dictionary, body.subarray(headBytes), limits)
}
