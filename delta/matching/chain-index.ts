const multiplier = 0x2c1b3c6d

/**
 * Where strings of `length` bytes lie in a pool of bytes: every `step`-th position, chained from
 * the latest to the earliest by hash. Grows while the pool becomes known.
 */
export class ChainIndex {
  readonly length: number
  private readonly pool: Uint8Array
  private readonly step: number
  private readonly heads: Int32Array
  private readonly previous: Int32Array
  private readonly shift: number
  private readonly leaving: number

  constructor(pool: Uint8Array, length: number, step: number) {
    this.pool = pool
    this.length = length
    this.step = step
    const entries = Math.ceil(pool.length / step) + 1
    const bits = Math.min(24, Math.max(10, Math.ceil(Math.log2(entries))))
    this.heads = new Int32Array(1 << bits).fill(-1)
    this.previous = new Int32Array(entries)
    this.shift = 32 - bits
    let leaving = 1
    for (let i = 0; i < length; i++) leaving = Math.imul(leaving, multiplier)
    this.leaving = leaving
  }

  /** Takes in the strings between `start` and `end`, which must lie behind all that is known. */
  extend(start: number, end: number): void {
    const { pool, length, step, heads, previous, shift, leaving } = this
    const last = end - length
    if (start > last) return
    let hash = this.hash(start)
    let wait = (step - (start % step)) % step
    let entry = Math.ceil(start / step)
    for (let at = start; at <= last; at++) {
      if (wait === 0) {
        const slot = Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) >>> shift
        previous[entry++] = heads[slot] as number
        heads[slot] = at
        wait = step
      }
      wait--
      if (at === last) return
      const out = Math.imul((pool[at] as number) + 1, leaving)
      hash = (Math.imul(hash, multiplier) + (pool[at + length] as number) + 1 - out) | 0
    }
  }

  /** The hash of the bytes at `at`. */
  hash(at: number): number {
    const { pool, length } = this
    let hash = 0
    for (let i = 0; i < length; i++) {
      hash = (Math.imul(hash, multiplier) + (pool[at + i] as number) + 1) | 0
    }
    return hash
  }

  /** The hash one position further on. */
  roll(hash: number, out: number, into: number): number {
    return (Math.imul(hash, multiplier) + into + 1 - Math.imul(out + 1, this.leaving)) | 0
  }

  /** The latest position with this hash, or -1. */
  latest(hash: number): number {
    return this.heads[this.slot(hash)] as number
  }

  /** The position before `at` in its chain, or -1. */
  before(at: number): number {
    return this.previous[at / this.step] as number
  }

  private slot(hash: number): number {
    return Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) >>> this.shift
  }
}
