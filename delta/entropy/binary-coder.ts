/**
 * Codes one binary decision. The same model code drives an encoder and a decoder: an encoder
 * writes `bit` and returns it, a decoder ignores `bit` and returns the one that it reads.
 */
export interface BinaryCoder {
  /** `probability` that the bit is 1, in 1/65536, from 1 to 65535. */
  code(bit: number, probability: number): number
  /** Whether values come from the coder and not from the caller. */
  readonly decoding: boolean
  /** Bytes written or read so far. */
  readonly bytesCoded: number
}

/** The interval stays below 2^31, so that it is a small integer to every JavaScript engine. */
export const intervalMax = 0x7fffffff
/** Below this a byte is shifted in or out. */
export const intervalMin = 0x800000
