import { referenceError } from './errors.ts'

/** Writes unsigned and signed LEB128 numbers of up to 53 bits. */
export class VarintWriter {
  private bytes = new Uint8Array(256)
  private length = 0

  byte(value: number): void {
    if (this.length === this.bytes.length) {
      const grown = new Uint8Array(this.bytes.length * 2)
      grown.set(this.bytes)
      this.bytes = grown
    }
    this.bytes[this.length++] = value
  }

  unsigned(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`not a count: ${value}`)
    let rest = value
    while (rest >= 128) {
      this.byte((rest % 128) + 128)
      rest = Math.floor(rest / 128)
    }
    this.byte(rest)
  }

  /** Zigzag: the sign is the lowest bit. */
  signed(value: number): void {
    this.unsigned(value < 0 ? -value * 2 - 1 : value * 2)
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.length)
  }
}

/** Reads what {@link VarintWriter} wrote; every fault is LW_DELTA_REFERENCES. */
export class VarintReader {
  private position = 0
  private readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get atEnd(): boolean {
    return this.position === this.bytes.length
  }

  byte(): number {
    const value = this.bytes[this.position++]
    if (value === undefined)
      throw referenceError('LW_DELTA_REFERENCES', { detail: 'It ends early.' })
    return value
  }

  /** @param max largest value that is accepted */
  unsigned(max = Number.MAX_SAFE_INTEGER): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < 8; count++) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) {
        if (value > max || !Number.isSafeInteger(value)) break
        return value
      }
      scale *= 128
    }
    throw referenceError('LW_DELTA_REFERENCES', { detail: 'A number is out of bounds.' })
  }

  /** @param max largest magnitude that is accepted */
  signed(max = 2 ** 51): number {
    const value = this.unsigned(max * 2)
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2
  }
}
