/**
 * Collects bits for a decoder that reads from the end backwards (RFC 8878 4.1): low bits first,
 * closed by a single 1.
 */
export class BitWriter {
  #bytes: Uint8Array
  #length = 0
  #held = 0
  #heldBits = 0

  constructor(capacityBytes: number) {
    this.#bytes = new Uint8Array(Math.max(16, capacityBytes))
  }

  /** The low `bits` bits of a value; at most 31. */
  add(value: number, bits: number): void {
    if (bits > 16) {
      this.add(value & 0xffff, 16)
      this.add(value >>> 16, bits - 16)
      return
    }
    this.#held |= (value & ((1 << bits) - 1)) << this.#heldBits
    this.#heldBits += bits
    while (this.#heldBits >= 8) {
      this.#push(this.#held & 0xff)
      this.#held >>>= 8
      this.#heldBits -= 8
    }
  }

  /** Ends the stream and returns its bytes. */
  close(): Uint8Array {
    this.add(1, 1)
    if (this.#heldBits > 0) this.#push(this.#held & 0xff)
    return this.#bytes.subarray(0, this.#length)
  }

  /** Ends a stream that is read forwards: padded with zeros. */
  closeForward(): Uint8Array {
    if (this.#heldBits > 0) this.#push(this.#held & 0xff)
    return this.#bytes.subarray(0, this.#length)
  }

  #push(byte: number): void {
    if (this.#length === this.#bytes.byteLength) {
      const larger = new Uint8Array(this.#length * 2)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes[this.#length++] = byte
  }
}
