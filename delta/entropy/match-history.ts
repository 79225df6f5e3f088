/**
 * Remembers the bytes of one stream and guesses the next one: the byte that followed the last time
 * the four bytes before were the same.
 */
export class MatchHistory {
  private readonly bytes: Uint8Array
  private readonly mask: number
  private readonly heads: Int32Array
  private readonly headShift: number
  private length = 0
  private pointer = -1
  private matched = 0

  constructor(sizeBits: number) {
    this.bytes = new Uint8Array(1 << sizeBits)
    this.mask = (1 << sizeBits) - 1
    const headBits = Math.min(18, Math.max(10, sizeBits - 2))
    this.heads = new Int32Array(1 << headBits).fill(-1)
    this.headShift = 32 - headBits
  }

  /** The guess for the next byte or -1; `context` is a hash of what precedes it. */
  guess(context: number): number {
    if (this.pointer < 0) {
      const head = Math.imul(context, 0x9e3779b1) >>> this.headShift
      const at = this.heads[head] as number
      if (at < 0 || this.length - at > this.mask) return -1
      this.pointer = at
      this.matched = 0
    }
    return this.bytes[this.pointer & this.mask] as number
  }

  /** How often in a row the guess was right, bounded to 0 to 31. */
  get confidence(): number {
    const m = this.matched
    return m < 16 ? m : m < 32 ? 16 + ((m - 16) >> 2) : m < 256 ? 20 + (m >> 5) : 31
  }

  /** Tells what the byte was; `context` is what `guess` was asked with. */
  update(context: number, byte: number): void {
    if (this.pointer >= 0) {
      if (this.bytes[this.pointer & this.mask] === byte) {
        this.pointer++
        this.matched++
        if (this.pointer >= this.length) this.pointer = -1
      } else {
        this.pointer = -1
      }
    }
    this.heads[Math.imul(context, 0x9e3779b1) >>> this.headShift] = this.length
    this.bytes[this.length & this.mask] = byte
    this.length++
  }

  /** Forgets where it was, not what it knows: the stream goes on elsewhere. */
  interrupt(): void {
    this.pointer = -1
  }
}
