const slotBits = 15
const windowBytes = 12 * 1024
const backBytes = 4 * 1024

/** Short strings around one place of the pool, for copies that begin near the last one. */
export class NearIndex {
  /** Bytes of the strings. */
  readonly length = 5
  private readonly pool: Uint8Array
  private readonly heads = new Int32Array(1 << slotBits)
  private readonly stamps = new Int32Array(1 << slotBits)
  private readonly previous = new Int32Array(windowBytes)
  private stamp = 0
  private start = 0
  private end = 0
  /** The first position that is not taken in. */
  private next = 0

  constructor(pool: Uint8Array) {
    this.pool = pool
  }

  /** Makes sure that the surroundings of `place` are known, not beyond `limit`. */
  center(place: number, limit: number): void {
    const near = windowBytes / 4
    if (place - near >= this.start && place + near <= this.end) return
    if (this.start === 0 && place + near <= this.end) return
    const start = Math.max(0, place - backBytes)
    if (start < this.start || start >= this.next) {
      this.stamp++
      this.next = start
    }
    this.start = start
    this.end = Math.min(limit, start + windowBytes)
    for (; this.next + this.length <= this.end; this.next++) this.add(this.next)
  }

  private add(at: number): void {
    const slot = this.slot(at)
    this.previous[at % windowBytes] =
      this.stamps[slot] === this.stamp ? (this.heads[slot] as number) : -1
    this.heads[slot] = at
    this.stamps[slot] = this.stamp
  }

  /** The latest position of the window that may hold the string at `at`, or -1. */
  latest(at: number): number {
    const slot = this.slot(at)
    return this.stamps[slot] === this.stamp ? this.within(this.heads[slot] as number) : -1
  }

  /** The position before `at` in its chain, or -1. */
  before(at: number): number {
    return this.within(this.previous[at % windowBytes] as number)
  }

  /** What lies before the window was left behind when that went on. */
  private within(at: number): number {
    return at >= this.start ? at : -1
  }

  private slot(at: number): number {
    const { pool } = this
    const word =
      (pool[at] as number) |
      ((pool[at + 1] as number) << 8) |
      ((pool[at + 2] as number) << 16) |
      ((pool[at + 3] as number) << 24)
    const hash = Math.imul(word, 0x2c1b3c6d) + Math.imul(pool[at + 4] as number, 0x297a2d39)
    return Math.imul(hash ^ (hash >>> 13), 0x9e3779b1) >>> (32 - slotBits)
  }
}
