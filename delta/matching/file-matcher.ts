import { AnchorIndex } from './anchor-index.ts'
import { AnchorMatcher } from './anchor-matcher.ts'
import { ChainIndex } from './chain-index.ts'
import { extendCopies } from './extend-copies.ts'
import { GapMatcher } from './gap-matcher.ts'
import { inexactOperations } from './operations.ts'
import { textPrices } from './prices.ts'
import { pruneOperations } from './prune-operations.ts'
import { TextParser } from './text-parser.ts'

/** How much time a making may take. */
export type Effort = 'fast' | 'best'

export interface FileMatch {
  readonly operations: Int32Array
  readonly coding: {
    readonly copies: 'exact' | 'inexact'
    readonly literals: 'modelled' | 'bulk'
    readonly unitBits: number
  }
}

/** Finds how each file comes about from the base and from the files built before it. */
export class FileMatcher {
  private readonly pool: Uint8Array
  private readonly base: Uint8Array
  private readonly effort: Effort
  private textParts: { readonly index: ChainIndex; readonly parser: TextParser } | undefined
  private binaryParts: { readonly anchors: AnchorMatcher; readonly gaps: GapMatcher } | undefined

  constructor(pool: Uint8Array, baseBytes: number, effort: Effort) {
    this.pool = pool
    this.base = pool.subarray(0, baseBytes)
    this.effort = effort
  }

  match(start: number, end: number, predecessor: number): FileMatch {
    const binary = looksBinary(this.pool.subarray(start, end))
    return binary
      ? this.matchBinary(start, end, predecessor)
      : this.matchText(start, end, predecessor)
  }

  private matchText(start: number, end: number, predecessor: number): FileMatch {
    const { pool } = this
    if (this.textParts === undefined) {
      const small = pool.length < 1 << 24
      const index = new ChainIndex(pool, small ? 8 : 16, small ? 1 : 4)
      const chainMax = this.effort === 'best' ? 32 : 8
      const parser = new TextParser(pool, index, { prices: textPrices, chainMax })
      this.textParts = { index, parser }
    }
    const { index, parser } = this.textParts
    index.extend(start)
    const parsed = parser.parse(start, end, predecessor, start)
    const operations = pruneOperations(parsed, Math.max(0, predecessor), textPrices)
    const unitBits = end - start > 1 << 20 ? 10 : 0
    return { operations, coding: { copies: 'exact', literals: 'modelled', unitBits } }
  }

  private matchBinary(start: number, end: number, predecessor: number): FileMatch {
    const { base, pool } = this
    if (this.binaryParts === undefined) {
      const large = base.length > 1 << 23
      const step = base.length > 1 << 25 ? 4 : large ? 2 : 1
      const index = new AnchorIndex(base, large ? 16 : 12, step)
      this.binaryParts = {
        anchors: new AnchorMatcher(base, pool, index),
        gaps: new GapMatcher(base, pool, { anchorBytes: 6, copyMin: 8 }),
      }
    }
    const { anchors, gaps } = this.binaryParts
    const extension = { base, next: pool, start, end, inexact: true }
    let copies = extendCopies(anchors.match(start, end, predecessor), extension)
    copies = extendCopies(gaps.fill(copies, start, end, predecessor), extension)
    const operations = inexactOperations(copies, start)
    return { operations, coding: { copies: 'inexact', literals: 'modelled', unitBits: 0 } }
  }
}

/** Whether zero bytes or many control bytes say that a file is no text. */
function looksBinary(bytes: Uint8Array): boolean {
  const end = Math.min(bytes.length, 65536)
  let odd = 0
  for (let i = 0; i < end; i++) {
    const byte = bytes[i] as number
    if (byte === 0 || (byte < 32 && byte !== 10 && byte !== 13 && byte !== 9)) odd++
  }
  return odd * 100 > end
}
