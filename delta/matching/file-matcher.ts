import { AnchorIndex } from './anchor-index.ts'
import { AnchorMatcher } from './anchor-matcher.ts'
import { type CopyOp, labelViews, planReferences } from '../references/index.ts'
import { ChainIndex } from './chain-index.ts'
import type { CopyList } from './copy-list.ts'
import { extendCopies } from './extend-copies.ts'
import { GapMatcher } from './gap-matcher.ts'
import { inexactOperations } from './operations.ts'
import { textPrices } from './prices.ts'
import { pruneOperations } from './prune-operations.ts'
import { TextParser } from './text-parser.ts'

/** More output than this is decoded with fewer decisions. */
const quickDecodingBytes = 1 << 23

/** How much time a making may take. */
export type Effort = 'fast' | 'best'

/** Where the new bytes lie in the pool, and what they may be copied from. */
export interface FileToMatch {
  readonly start: number
  readonly end: number
  /** A place or -1. */
  readonly predecessor: number
  readonly limit: number
  /** Bytes of the predecessor. */
  readonly predecessorBytes: number
}

export interface FileMatch {
  readonly operations: Int32Array
  readonly references?: { readonly position: number; readonly size: number; readonly side: Uint8Array }
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
  private readonly unitBits: number
  private textParts: { readonly index: ChainIndex; readonly parser: TextParser } | undefined
  private binaryParts: { readonly anchors: AnchorMatcher; readonly gaps: GapMatcher } | undefined

  constructor(pool: Uint8Array, baseBytes: number, effort: Effort) {
    this.pool = pool
    this.base = pool.subarray(0, baseBytes)
    this.effort = effort
    // Deciding byte by byte where copies end costs time on the other side; ends cost little either way.
    this.unitBits = pool.length - baseBytes > quickDecodingBytes ? 9 : 10
  }

  match(file: FileToMatch): FileMatch {
    const bytes = this.pool.subarray(file.start, file.end)
    return isShifted(bytes) || !looksBinary(bytes) ? this.matchText(file) : this.matchBinary(file)
  }

  private matchText({ start, end, predecessor, limit }: FileToMatch): FileMatch {
    const { pool } = this
    if (this.textParts === undefined) {
      const small = pool.length < 1 << 24
      const index = new ChainIndex(pool, small ? 8 : 16, small ? 1 : 4)
      const most = small ? 32 : 16
      const chainMax = this.effort === 'best' ? most : 6
      const niceBytes = pool.length < 1 << 22 ? 400 : 96
      const parser = new TextParser(pool, index, { prices: textPrices, chainMax, niceBytes })
      this.textParts = { index, parser }
    }
    const { index, parser } = this.textParts
    index.extend(limit)
    const parsed = parser.parse(start, end, predecessor, limit)
    const operations = pruneOperations(parsed, Math.max(0, predecessor), textPrices)
    const unitBits = this.unitBits
    return { operations, coding: { copies: 'exact', literals: 'modelled', unitBits } }
  }

  private matchBinary(file: FileToMatch): FileMatch {
    const { start, end, predecessor } = file
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
    const found = this.predict(file, copies)
    if (found !== undefined) return found
    const operations = inexactOperations(copies, start)
    return { operations, coding: inexactCoding }
  }

  /** Executables: copies that agree with what code refers to, when predicting references pays. */
  private predict(file: FileToMatch, copies: CopyList): FileMatch | undefined {
    const { start, end, predecessor: position, predecessorBytes: size } = file
    if (position < 0 || size === 0) return undefined
    const old = this.pool.subarray(position, position + size)
    const next = this.pool.subarray(start, end)
    const mapped = copiesIn(copies, file)
    const views = labelViews({ old, next, copies: mapped })
    if (views === undefined) return undefined
    const better = matchPair(views.old, views.next)
    const side = planReferences({ old, next, copies: better.copies })?.side
    if (side === undefined) return undefined
    const operations = better.operations.slice()
    for (let i = 1; i < operations.length; i += 3) {
      operations[i] = (operations[i] as number) + position
    }
    return { operations, coding: inexactCoding, references: { position, size, side } }
  }
}

const inexactCoding = { copies: 'inexact', literals: 'modelled', unitBits: 0 } as const

/** Copies between two files alone, with their operations. */
function matchPair(
  old: Uint8Array,
  next: Uint8Array,
): { readonly copies: readonly CopyOp[]; readonly operations: Int32Array } {
  const large = old.length > 1 << 23
  const index = new AnchorIndex(old, large ? 16 : 12, old.length > 1 << 25 ? 4 : large ? 2 : 1)
  const extension = { base: old, next, start: 0, end: next.length, inexact: true }
  const anchors = new AnchorMatcher(old, next, index)
  const gaps = new GapMatcher(old, next, { anchorBytes: 6, copyMin: 8 })
  let list = extendCopies(anchors.match(0, next.length, 0), extension)
  list = extendCopies(gaps.fill(list, 0, next.length, 0), extension)
  const whole = { start: 0, predecessor: 0, predecessorBytes: old.length }
  return { copies: copiesIn(list, whole), operations: inexactOperations(list, 0) }
}

/** The copies that come from the predecessor, counted from its start and from the file's. */
function copiesIn(
  list: CopyList,
  file: Pick<FileToMatch, 'start' | 'predecessor' | 'predecessorBytes'>,
): CopyOp[] {
  const copies: CopyOp[] = []
  for (let i = 0; i < list.count; i++) {
    const oldPosition = list.oldAt(i) - file.predecessor
    const length = list.length(i)
    if (oldPosition < 0 || oldPosition + length > file.predecessorBytes) continue
    copies.push({ oldPosition, newPosition: list.newAt(i) - file.start, length })
  }
  return copies
}

/** WebAssembly: numbers of varying length, where bytes do not stay in step as in other code. */
function isShifted(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d
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
