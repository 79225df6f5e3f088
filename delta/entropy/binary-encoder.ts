import { type BinaryCoder, intervalMax, intervalMin } from './binary-coder.ts'

/** Zero bytes at the end that need not travel; fewer than a decoder forgives. */
const trimmedMax = 4

/** Range encoder with carry propagation (docs/formats/bundle.md, "Range coder"). */
export class BinaryEncoder implements BinaryCoder {
  readonly decoding = false
  private bytes: Uint8Array
  private length = 0
  private low = 0
  private range = intervalMax
  private held = -1
  private heldOnes = 0

  constructor(bytesExpected = 1 << 16) {
    this.bytes = new Uint8Array(bytesExpected)
  }

  code(bit: number, probability: number): number {
    const bound = (this.range >>> 16) * probability
    if (bit === 1) {
      this.range = bound
    } else {
      this.low += bound
      this.range -= bound
    }
    while (this.range < intervalMin) {
      this.range <<= 8
      this.shift()
    }
    return bit
  }

  /** Bytes written so far, not counting what the last interval will need. */
  get bytesCoded(): number {
    return this.length + this.heldOnes
  }

  /** Ends the stream with as few bytes as identify it; the decoder reads zeros beyond the end. */
  finish(): Uint8Array {
    // The value inside the last interval with the most trailing zero bits.
    const top = this.low + this.range - 1
    for (let bits = 31; bits >= 0; bits--) {
      const candidate = Math.floor(top / 2 ** bits) * 2 ** bits
      if (candidate >= this.low) {
        this.low = candidate
        break
      }
    }
    for (let i = 0; i < 5; i++) this.shift()
    let end = this.length
    const least = Math.max(0, end - trimmedMax)
    while (end > least && this.bytes[end - 1] === 0) end--
    return this.bytes.slice(0, end)
  }

  private shift(): void {
    if (this.low >= 0x80000000 || this.low < 0x7f800000) {
      const carry = this.low >= 0x80000000 ? 1 : 0
      if (this.held >= 0) this.put(this.held + carry)
      for (; this.heldOnes > 0; this.heldOnes--) this.put(0xff + carry)
      this.held = (this.low >>> 23) & 0xff
    } else {
      this.heldOnes++
    }
    this.low = (this.low & 0x7fffff) * 256
  }

  private put(byte: number): void {
    if (this.length === this.bytes.length) {
      const larger = new Uint8Array(this.bytes.length * 2)
      larger.set(this.bytes)
      this.bytes = larger
    }
    this.bytes[this.length++] = byte
  }
}
