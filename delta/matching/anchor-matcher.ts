import { CopyList } from './copy-list.ts'
import { equalBytes } from './equal-bytes.ts'
import type { StringTable } from './string-table.ts'

/** Bytes behind a difference that are looked at before a copy goes on. */
const lookBytes = 32

/** How much alike old and new bytes must be. */
export interface Likeness {
  /** Equal ones of the bytes behind a difference with which a copy goes on. */
  readonly lookEqualMin: number
  /** Equal bytes after which the last distance between old and new is taken up again. */
  readonly resumeBytes: number
}

/** For what nothing better is known: most of the bytes are equal. */
export const loose: Likeness = { lookEqualMin: 18, resumeBytes: 8 }
/** For what may be found elsewhere yet: tables are alike at any distance. */
export const strict: Likeness = { lookEqualMin: 26, resumeBytes: 24 }

/** Follows the distance of the predecessor, then of anchors, through one file. */
export class AnchorMatcher {
  private readonly base: Uint8Array
  private readonly next: Uint8Array
  private readonly anchors: StringTable
  private readonly lookEqualMin: number
  private readonly resumeBytes: number

  /** `anchors` are strings of the base, with their places. */
  constructor(base: Uint8Array, next: Uint8Array, anchors: StringTable, likeness: Likeness) {
    this.base = base
    this.next = next
    this.anchors = anchors
    this.lookEqualMin = likeness.lookEqualMin
    this.resumeBytes = likeness.resumeBytes
  }

  /** Inexact copies for the new bytes from `start` to `end`; `predecessor` is a place or -1. */
  match(start: number, end: number, predecessor: number): CopyList {
    const copies = new CopyList()
    let at = start
    let from = predecessor
    // The distance in force; while `following` the bytes at `at` continue a copy.
    let following = predecessor >= 0 && this.looksAlike(start, predecessor, end)
    while (at < end) {
      if (following) {
        const stop = this.follow(at, from, end)
        copies.add(at, from, stop - at)
        from += stop - at
        at = stop
        following = false
      } else {
        const found = this.search(at, end, from)
        if (found < 0) break
        from = this.foundAt
        at = found
        following = true
      }
    }
    return copies
  }

  private foundAt = 0

  /** Where the copy that begins at `at` ends: where too little of what follows is equal. */
  private follow(at: number, from: number, end: number): number {
    const { base, next } = this
    const distance = from - at
    const last = Math.min(end, base.length - distance)
    let i = at
    for (;;) {
      i += equalBytes(next, i, base, i + distance, last - i)
      if (i >= last) return last
      const look = Math.min(last, i + 1 + lookBytes)
      let equal = 0
      for (let j = i + 1; j < look; j++) if (next[j] === base[j + distance]) equal++
      if (equal < this.lookEqualMin) return i
      i++
    }
  }

  private looksAlike(at: number, from: number, end: number): boolean {
    const { base, next } = this
    const look = Math.min(lookBytes, end - at, base.length - from)
    let equal = 0
    for (let i = 0; i < look; i++) if (next[at + i] === base[from + i]) equal++
    return equal * lookBytes >= this.lookEqualMin * look
  }

  /** The next position with an anchor, or -1; `foundAt` is its place in the base. */
  private search(start: number, end: number, from: number): number {
    const { base, next, anchors } = this
    const { length } = anchors.hash
    const distance = from - start
    const last = end - length
    if (last < start) return -1
    let hash = anchors.hash.of(next, start)
    let agreed = 0
    for (let at = start; ; at++) {
      const beside = at + distance
      if (from >= 0 && beside < base.length && next[at] === base[beside]) {
        if (++agreed >= this.resumeBytes && this.looksAlike(at, beside, end)) {
          this.foundAt = beside - agreed + 1
          return at - agreed + 1
        }
      } else {
        agreed = 0
      }
      const slot = anchors.find(hash)
      const first = slot < 0 ? -1 : anchors.first(slot)
      if (first >= 0) {
        const best = this.better(at, end, first, anchors.last(slot))
        if (best >= 0) {
          this.foundAt = best
          return at
        }
      }
      if (at === last) return -1
      hash = anchors.hash.roll(hash, next[at] as number, next[at + length] as number)
    }
  }

  private better(at: number, end: number, first: number, second: number): number {
    const { length } = this.anchors.hash
    const a = this.equal(at, first, end)
    const b = second < 0 ? 0 : this.equal(at, second, end)
    if (a < length && b < length) return -1
    return b > a ? second : first
  }

  private equal(at: number, from: number, end: number): number {
    const { base, next } = this
    const most = Math.min(1024, end - at, base.length - from)
    return equalBytes(next, at, base, from, most)
  }
}
