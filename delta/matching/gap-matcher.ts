import { CopyList } from './copy-list.ts'

const tableBits = 15
/** Old bytes that are looked through on either side of where they are expected. */
const reachBytes = 2048
const reachBytesMin = 64
const gapMax = 16 * 1024

/** Looks for short copies in the gaps between copies, near where the copies around them lie. */
export class GapMatcher {
  private readonly base: Uint8Array
  private readonly next: Uint8Array
  private readonly anchorBytes: number
  private readonly copyMin: number
  private readonly heads = new Int32Array(1 << tableBits)
  private readonly stamps = new Int32Array(1 << tableBits)
  private stamp = 0

  constructor(
    base: Uint8Array,
    next: Uint8Array,
    options: { readonly anchorBytes: number; readonly copyMin: number },
  ) {
    this.base = base
    this.next = next
    this.anchorBytes = options.anchorBytes
    this.copyMin = options.copyMin
  }

  fill(copies: CopyList, start: number, end: number, predecessor: number): CopyList {
    const filled = new CopyList()
    let at = start
    let old = predecessor
    for (let i = 0; i <= copies.count; i++) {
      const stop = i < copies.count ? copies.newAt(i) : end
      const oldStop = i < copies.count ? copies.oldAt(i) : -1
      if (stop - at >= this.copyMin) this.search(filled, at, stop, old, oldStop)
      if (i === copies.count) break
      filled.add(copies.newAt(i), copies.oldAt(i), copies.length(i))
      at = stop + copies.length(i)
      old = copies.oldAt(i) + copies.length(i)
    }
    return filled
  }

  private search(filled: CopyList, start: number, end: number, old: number, oldStop: number): void {
    this.stamp++
    const size = Math.min(gapMax, end - start)
    const reach = Math.min(reachBytes, reachBytesMin + 8 * size)
    if (old >= 0) this.remember(old - reachBytesMin, old + size + reach)
    if (oldStop >= 0) this.remember(oldStop - size - reach, oldStop + reachBytesMin)
    const { base, next, anchorBytes } = this
    let at = start
    while (at + anchorBytes <= end) {
      const slot = this.slotOf(next, at)
      if (this.stamps[slot] !== this.stamp) {
        at++
        continue
      }
      const from = this.heads[slot] as number
      let length = 0
      while (at + length < end && next[at + length] === base[from + length]) length++
      let back = 0
      while (at - back > start && from > back && next[at - back - 1] === base[from - back - 1])
        back++
      if (length + back >= this.copyMin) {
        filled.add(at - back, from - back, length + back)
        at += length
        start = at
      } else {
        at++
      }
    }
  }

  private remember(start: number, end: number): void {
    const first = Math.max(0, start)
    const last = Math.min(end, this.base.length) - this.anchorBytes
    for (let at = last; at >= first; at--) {
      const slot = this.slotOf(this.base, at)
      this.heads[slot] = at
      this.stamps[slot] = this.stamp
    }
  }

  private slotOf(bytes: Uint8Array, at: number): number {
    let hash = 0
    for (let i = 0; i < this.anchorBytes; i++) {
      hash = Math.imul(hash + (bytes[at + i] as number), 0x2c1b3c6d)
    }
    return Math.imul(hash ^ (hash >>> 13), 0x9e3779b1) >>> (32 - tableBits)
  }
}
