/**
 * Memory that bytes are appended to. What was never written to takes no memory of the machine, so it
 * may well be too large; when it is too small it grows, and what was seen of it before is outdated.
 */
export class ByteRoom {
  bytes: Uint8Array<ArrayBuffer>
  length = 0

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity)
  }

  append(piece: Uint8Array): void {
    const at = this.length
    this.resize(at + piece.length)
    this.bytes.set(piece, at)
  }

  /** Makes it longer, by bytes that may be any, or shorter. */
  resize(length: number): void {
    if (length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(length, Math.ceil(this.bytes.length * 1.5)))
      larger.set(this.bytes.subarray(0, this.length))
      this.bytes = larger
    }
    this.length = length
  }

  /** All that was appended. */
  filled(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length)
  }
}
