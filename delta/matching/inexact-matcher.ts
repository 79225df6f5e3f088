import { AnchorIndex } from './anchor-index.ts'
import { AnchorMatcher } from './anchor-matcher.ts'
import type { CopyList } from './copy-list.ts'
import { extendCopies } from './extend-copies.ts'
import type { PoolPart } from './pool-part.ts'
import { GapMatcher } from './gap-matcher.ts'

/** Above, fewer positions of the base are indexed: each costs a look into far memory. */
const largeBytesMin = 1 << 22
const hugeBytesMin = 1 << 25

/** Finds inexact copies from one array of bytes in another, or in the later part of the same. */
export class InexactMatcher {
  private readonly base: Uint8Array
  private readonly next: Uint8Array
  private readonly anchors: AnchorMatcher
  private readonly gaps: GapMatcher

  /** `parts` of the base are looked through for what has moved, all of it when left out. */
  constructor(base: Uint8Array, next: Uint8Array, parts?: readonly PoolPart[]) {
    this.base = base
    this.next = next
    const bytes = parts?.reduce((sum, { size }) => sum + size, 0) ?? base.length
    const large = bytes > largeBytesMin
    const step = bytes > hugeBytesMin ? 8 : large ? 4 : 1
    const options = { length: large ? 16 : 12, step }
    const index = new AnchorIndex(base, parts === undefined ? options : { ...options, parts })
    this.anchors = new AnchorMatcher(base, next, index)
    this.gaps = new GapMatcher(base, next, { anchorBytes: 6, copyMin: 12 })
  }

  match(start: number, end: number, predecessor: number): CopyList {
    const { base, next } = this
    const extension = { base, next, start, end, inexact: true }
    const copies = extendCopies(this.anchors.match(start, end, predecessor), extension)
    return extendCopies(this.gaps.fill(copies, start, end, predecessor), extension)
  }
}
