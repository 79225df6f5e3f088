import { AnchorIndex } from './anchor-index.ts'
import { AnchorMatcher } from './anchor-matcher.ts'
import type { CopyList } from './copy-list.ts'
import { extendCopies } from './extend-copies.ts'
import { GapMatcher } from './gap-matcher.ts'

/** Finds inexact copies from one array of bytes in another, or in the later part of the same. */
export class InexactMatcher {
  private readonly base: Uint8Array
  private readonly next: Uint8Array
  private readonly anchors: AnchorMatcher
  private readonly gaps: GapMatcher

  constructor(base: Uint8Array, next: Uint8Array) {
    this.base = base
    this.next = next
    const large = base.length > 1 << 23
    const step = large ? 4 : 1
    this.anchors = new AnchorMatcher(base, next, new AnchorIndex(base, large ? 16 : 12, step))
    this.gaps = new GapMatcher(base, next, { anchorBytes: 6, copyMin: 8 })
  }

  match(start: number, end: number, predecessor: number): CopyList {
    const { base, next } = this
    const extension = { base, next, start, end, inexact: true }
    const copies = extendCopies(this.anchors.match(start, end, predecessor), extension)
    return extendCopies(this.gaps.fill(copies, start, end, predecessor), extension)
  }
}
