const multiplier = 0x2c1b3c6d

/**
 * Where short strings of the base lie: every `step`-th position by the hash of the `length` bytes
 * from there on; the first and the last position of each hash are kept.
 */
export class AnchorIndex {
  readonly length: number
  private readonly table: Int32Array
  private readonly shift: number
  private readonly leaving: number

  constructor(base: Uint8Array, length: number, step: number) {
    this.length = length
    const bits = Math.min(23, Math.max(8, Math.ceil(Math.log2(base.length / step + 1)) - 1))
    this.table = new Int32Array(2 << bits).fill(-1)
    this.shift = 32 - bits
    let leaving = 1
    for (let i = 0; i < length; i++) leaving = Math.imul(leaving, multiplier)
    this.leaving = leaving
    this.fill(base, step)
  }

  /** The hash of the bytes at `at`. */
  hash(bytes: Uint8Array, at: number): number {
    let hash = 0
    for (let i = 0; i < this.length; i++) {
      hash = (Math.imul(hash, multiplier) + (bytes[at + i] as number) + 1) | 0
    }
    return hash
  }

  /** The hash one position further on. */
  roll(hash: number, out: number, into: number): number {
    return (Math.imul(hash, multiplier) + into + 1 - Math.imul(out + 1, this.leaving)) | 0
  }

  /** The slot of a hash: `first` and `last` tell what lies there. */
  slot(hash: number): number {
    return (Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) >>> this.shift) << 1
  }

  first(slot: number): number {
    return this.table[slot] as number
  }

  last(slot: number): number {
    return this.table[slot + 1] as number
  }

  private fill(base: Uint8Array, step: number): void {
    const { length, table } = this
    const end = base.length - length
    if (end < 0) return
    let hash = this.hash(base, 0)
    let wait = 0
    for (let at = 0; ; at++) {
      if (wait === 0) {
        const slot = this.slot(hash)
        if (table[slot] === -1) table[slot] = at
        else table[slot + 1] = at
        wait = step
      }
      wait--
      if (at === end) return
      hash = this.roll(hash, base[at] as number, base[at + length] as number)
    }
  }
}
