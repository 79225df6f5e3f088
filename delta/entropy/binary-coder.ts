import type { EntropyKernel } from './entropy-kernel.ts'

/**
 * Codes binary decisions. The same model code drives an encoder and a decoder: an encoder writes
 * what it is given and returns it, a decoder ignores that and returns what it reads. Models belong
 * to the coder that they are made for.
 */
export interface BinaryCoder {
  /** `probability` that the bit is 1, in 1/65536, from 1 to 65534. */
  code(bit: number, probability: number): number
  /** Whether values come from the coder and not from the caller. */
  readonly decoding: boolean
  /** Bytes written or read so far. */
  readonly bytesCoded: number
  /** What holds the state and the models. */
  readonly kernel: EntropyKernel
}
