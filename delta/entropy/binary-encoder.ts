import type { BinaryCoder } from './binary-coder.ts'
import { EntropyKernel } from './entropy-kernel.ts'

/** Zero bytes at the end that need not travel; fewer than a decoder forgives. */
const trimmedMax = 4

/** Range encoder with carry propagation (docs/formats/bundle.md, "Range coder"). */
export class BinaryEncoder implements BinaryCoder {
  readonly decoding = false
  readonly kernel: EntropyKernel
  private readonly pieces: Uint8Array[] = []

  constructor() {
    this.kernel = new EntropyKernel({ drain: (bytes) => this.pieces.push(bytes.slice()) })
    this.kernel.doors.begin(0)
  }

  code(bit: number, probability: number): number {
    return this.kernel.doors.codeBit(bit, probability)
  }

  /** Bytes written so far, not counting what the last interval will need. */
  get bytesCoded(): number {
    return this.kernel.doors.bytesCoded()
  }

  /** Ends the stream with as few bytes as identify it; the decoder reads zeros beyond the end. */
  finish(): Uint8Array {
    this.kernel.doors.finishEncoding()
    const bytes = new Uint8Array(Buffer.concat(this.pieces))
    let end = bytes.length
    const least = Math.max(0, end - trimmedMax)
    while (end > least && bytes[end - 1] === 0) end--
    return bytes.subarray(0, end)
  }
}
