import { refuseFrame } from './refuse.ts'

/** Reads a bit stream from its end backwards (RFC 8878 4.1). */
export class BitReader {
  readonly #bytes: Uint8Array
  /** Bits before the read position. */
  #left: number

  /** @throws LW_DELTA_DICTIONARY without the closing 1 */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    const last = bytes.at(-1) ?? 0
    if (last === 0) refuseFrame('A bit stream is not closed')
    this.#left = (bytes.byteLength - 1) * 8 + (31 - Math.clz32(last))
  }

  get left(): number {
    return this.#left
  }

  /** The next bits, at most 31. @throws LW_DELTA_DICTIONARY beyond the beginning */
  read(bits: number): number {
    if (bits > this.#left) refuseFrame('A bit stream ends too early')
    return this.readPadded(bits)
  }

  /** The next bits; zeros stand for what is missing, and `left` turns negative. */
  readPadded(bits: number): number {
    this.#left -= bits
    return this.#peekAt(this.#left, bits)
  }

  /** The next bits without taking them; zeros stand for what is missing. */
  peek(bits: number): number {
    return this.#peekAt(this.#left - bits, bits)
  }

  skip(bits: number): void {
    this.#left -= bits
  }

  #peekAt(from: number, bits: number): number {
    if (bits === 0) return 0
    const bytes = this.#bytes
    let value = 0
    let got = 0
    let at = from
    if (at < 0) {
      got = Math.min(bits, -at)
      at = 0
    }
    while (got < bits) {
      const inByte = at & 7
      const take = Math.min(8 - inByte, bits - got)
      const part = ((bytes[at >>> 3] ?? 0) >>> inByte) & ((1 << take) - 1)
      value += part * 2 ** got
      got += take
      at += take
    }
    return value
  }
}
