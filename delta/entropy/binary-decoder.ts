import { deltaError } from '../errors.ts'
import { type BinaryCoder, intervalMax, intervalMin } from './binary-coder.ts'

/** Zero bytes that may be read beyond the end before the stream counts as truncated. */
const overrunMax = 8

/** Hands out the next bytes of a stream; an empty answer is its end. */
export type NextBytes = () => Uint8Array

/** Range decoder; the counterpart of `BinaryEncoder`. */
export class BinaryDecoder implements BinaryCoder {
  readonly decoding = true
  private chunk: Uint8Array
  private position = 0
  private overrun = 0
  private passed = 0
  private value = 0
  private last = 0
  private range = intervalMax
  private readonly next: NextBytes

  constructor(next: NextBytes) {
    this.next = next
    this.chunk = next()
    // The interval has 31 bits: byte boundaries of the stream lie one bit beside it.
    const first = this.take()
    const second = this.take()
    const third = this.take()
    this.last = this.take()
    this.value = (first << 23) | (second << 15) | (third << 7) | (this.last >>> 1)
    if (this.value >= this.range) this.value = this.range - 1
  }

  code(_bit: number, probability: number): number {
    const bound = (this.range >>> 16) * probability
    let bit: number
    if (this.value < bound) {
      this.range = bound
      bit = 1
    } else {
      this.value -= bound
      this.range -= bound
      bit = 0
    }
    while (this.range < intervalMin) {
      this.range <<= 8
      const byte =
        this.position < this.chunk.length ? (this.chunk[this.position++] as number) : this.take()
      this.value = (this.value << 8) | ((this.last & 1) << 7) | (byte >>> 1)
      this.last = byte
    }
    return bit
  }

  get bytesCoded(): number {
    return this.passed + this.position
  }

  private take(): number {
    if (this.position >= this.chunk.length && this.overrun === 0) {
      this.passed += this.chunk.length
      this.chunk = this.next()
      this.position = 0
    }
    if (this.position < this.chunk.length) return this.chunk[this.position++] as number
    if (++this.overrun > overrunMax) {
      throw deltaError('LW_DELTA_FORMAT', { detail: 'The coded stream ends too early.' })
    }
    return 0
  }
}
