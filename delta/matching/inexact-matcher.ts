import { AnchorIndex } from './anchor-index.ts'
import { AnchorMatcher } from './anchor-matcher.ts'
import type { CopyList } from './copy-list.ts'
import { extendCopies } from './extend-copies.ts'
import type { PoolPart } from './pool-part.ts'
import { GapMatcher } from './gap-matcher.ts'
import { pruneCopies } from './prune-copies.ts'

/** Above, fewer positions of the base are indexed: each costs a look into far memory. */
const largeBytesMin = 1 << 22
const hugeBytesMin = 1 << 25

/** Strings of code that are shorter are found in too many places of a program that changed much. */
const thoroughBytes = 22

export interface InexactMatching {
  /** Parts of the base that are looked through for what has moved, all of it when left out. */
  readonly parts?: readonly PoolPart[]
  /** The bytes are programs: their literals are cheap beside copies from elsewhere. */
  readonly code?: boolean
  /**
   * Positions of a large base that are looked at: every fourth one unless it says all of them, for
   * longer strings, or every eighth.
   */
  readonly effort?: 'thorough' | 'light'
}

/** Finds inexact copies from one array of bytes in another, or in the later part of the same. */
export class InexactMatcher {
  private readonly base: Uint8Array
  private readonly next: Uint8Array
  private readonly anchors: AnchorMatcher
  private readonly gaps: GapMatcher
  private readonly code: boolean

  constructor(base: Uint8Array, next: Uint8Array, matching: InexactMatching = {}) {
    this.base = base
    this.next = next
    this.code = matching.code === true
    const { parts } = matching
    const bytes = parts?.reduce((sum, { size }) => sum + size, 0) ?? base.length
    const options = anchorOptions(bytes, matching.effort)
    const index = new AnchorIndex(base, parts === undefined ? options : { ...options, parts })
    this.anchors = new AnchorMatcher(base, next, index)
    this.gaps = new GapMatcher(base, next, { anchorBytes: 6, copyMin: 12 })
  }

  match(start: number, end: number, predecessor: number): CopyList {
    const { base, next } = this
    const extension = { base, next, start, end, differingWeight: this.code ? 3 : 2 }
    const anchored = extendCopies(this.anchors.match(start, end, predecessor), extension)
    const copies = this.pruned(anchored, start, predecessor)
    const filled = extendCopies(this.gaps.fill(copies, start, end, predecessor), extension)
    return this.pruned(filled, start, predecessor)
  }

  private pruned(copies: CopyList, start: number, predecessor: number): CopyList {
    if (!this.code) return copies
    const { base, next } = this
    return pruneCopies(copies, { base, next, start, from: Math.max(0, predecessor) })
  }
}

function anchorOptions(
  bytes: number,
  effort: InexactMatching['effort'],
): { readonly length: number; readonly step: number } {
  if (bytes <= largeBytesMin) return { length: 12, step: 1 }
  if (effort === 'light' || bytes > hugeBytesMin) return { length: 16, step: 8 }
  return effort === 'thorough' ? { length: thoroughBytes, step: 1 } : { length: 16, step: 4 }
}
