import type { BinaryCoder } from './binary-coder.ts'
import { EntropyKernel } from './entropy-kernel.ts'

/** Hands out the next bytes of a stream; an empty answer is its end. */
export type NextBytes = () => Uint8Array

/** Range decoder; the counterpart of `BinaryEncoder`. */
export class BinaryDecoder implements BinaryCoder {
  readonly decoding = true
  readonly kernel: EntropyKernel

  constructor(next: NextBytes) {
    let piece: Uint8Array = new Uint8Array(0)
    this.kernel = new EntropyKernel({
      refill(room) {
        if (piece.length === 0) piece = next()
        const part = piece.subarray(0, room.length)
        piece = piece.subarray(part.length)
        room.set(part)
        return part.length
      },
    })
    this.kernel.doors.begin(1)
  }

  code(_bit: number, probability: number): number {
    return this.kernel.doors.codeBit(0, probability)
  }

  get bytesCoded(): number {
    return this.kernel.doors.bytesCoded()
  }
}
