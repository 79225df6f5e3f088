import { AnchorMatcher, loose, strict } from './anchor-matcher.ts'
import type { CopyList } from './copy-list.ts'
import { extendCopies } from './extend-copies.ts'
import { GapMatcher } from './gap-matcher.ts'
import { type FileRange, fillGaps, type Gap, gapsBetween } from './gaps.ts'
import { landmarkCount, landmarksOf, partBytes } from './landmarks.ts'
import type { PoolPart } from './pool-part.ts'
import { literalPrices, pruneCopies } from './prune-copies.ts'
import { type StringTable, StringTables } from './string-table.ts'

/** Bytes of the strings that are looked for in what is left: longer ones where more is by chance. */
const shortBytes = 12
const longBytes = 16
/** Shorter strings of code are found in too many places of a program that changed much. */
const thorough = { stringBytes: 22, landmarkBytes: 64 }
const largeBytesMin = 1 << 22
/**
 * Strings of the gaps that are looked for, at least, and one for so many bytes of the base; in larger
 * gaps those between are left out.
 */
const wantedMin = 3 << 19
const bytesPerWanted = 24

/** Where there are tables, copies first grow only over bytes of which three in four are equal. */
const tablesWeight = 6

export interface InexactMatching {
  /** Parts of the base that are looked through for what has moved, all of it when left out. */
  readonly parts?: readonly PoolPart[]
  /** The bytes are programs: their literals are cheap beside copies from elsewhere. */
  readonly code?: keyof typeof literalPrices
  /** Looks for longer strings. */
  readonly thorough?: boolean
  /** There are tables, which look alike at any distance: copies go on only where much is equal. */
  readonly tables?: boolean
}

/**
 * Finds inexact copies from one array of bytes in another, or in the later part of the same. First
 * what goes on from the predecessor or from landmarks, a few strings of the base; then, in what that
 * leaves over, shorter strings from anywhere in the base; then still shorter ones from nearby.
 */
export class InexactMatcher {
  private readonly base: Uint8Array
  private readonly next: Uint8Array
  private readonly parts: readonly PoolPart[]
  private readonly code: InexactMatching['code']
  private readonly tables: boolean
  private readonly differingWeight: number
  private readonly lengths: { readonly stringBytes: number; readonly landmarkBytes?: number }

  constructor(base: Uint8Array, next: Uint8Array, matching: InexactMatching = {}) {
    this.base = base
    this.next = next
    this.code = matching.code
    this.tables = matching.tables === true
    this.differingWeight = this.code === undefined ? 2 : 3
    this.parts = matching.parts ?? [{ position: 0, size: base.length }]
    const stringBytes = partBytes(this.parts) > largeBytesMin ? longBytes : shortBytes
    this.lengths = matching.thorough === true ? thorough : { stringBytes }
  }

  /** The copies of each file. */
  match(files: readonly FileRange[]): CopyList[] {
    const { base, next, parts } = this
    const newBytes = files.reduce((sum, { start, end }) => sum + end - start, 0)
    const wantedMax = Math.min(newBytes, this.wantedMax())
    const tables = new StringTables(Math.max(landmarkCount(parts), wantedMax))
    const length = this.lengths.landmarkBytes
    const likeness = this.tables ? strict : loose
    const weight = this.tables ? tablesWeight : this.differingWeight
    const landmarks = new AnchorMatcher(
      base,
      next,
      landmarksOf(base, parts, { tables, length }),
      likeness,
    )
    const first = files.map((file) => {
      return this.settled(landmarks.match(file.start, file.end, file.predecessor), file, weight)
    })
    const gaps = files.map((file, i) => gapsBetween(first[i] as CopyList, file))
    const anchors = new AnchorMatcher(base, next, this.anchors(gaps.flat(), tables), loose)
    const near = new GapMatcher(base, next, { anchorBytes: 6, copyMin: 12 })
    return files.map((file, i) => {
      const found = fillGaps(first[i] as CopyList, gaps[i] as Gap[], ({ start, end, old }) => {
        return anchors.match(start, end, old)
      })
      const copies = this.settled(found, file)
      return this.settled(near.fill(copies, file.start, file.end, file.predecessor), file)
    })
  }

  /** The strings of the gaps that lie somewhere in the base. */
  private anchors(gaps: readonly Gap[], tables: StringTables): StringTable {
    const { base, next, parts, lengths } = this
    const bytes = gaps.reduce((sum, { start, end }) => sum + end - start, 0)
    const wantedMax = this.wantedMax()
    const step = Math.ceil((bytes + gaps.length) / wantedMax)
    const table = tables.table(lengths.stringBytes, Math.min(bytes, wantedMax))
    for (const gap of gaps) table.want(next, gap, step)
    for (const { position, size, coarse } of bytes > 0 ? parts : []) {
      if (coarse !== true) table.locate(base, { start: position, end: position + size })
    }
    table.refine()
    return table
  }

  private wantedMax(): number {
    return Math.max(wantedMin, Math.floor(partBytes(this.parts) / bytesPerWanted))
  }

  /** Copies as long as they pay, without those that do not. */
  private settled(
    copies: CopyList,
    { start, end, predecessor }: FileRange,
    differingWeight = this.differingWeight,
  ): CopyList {
    const { base, next, code } = this
    const extension = { base, next, start, end, differingWeight }
    const grown = extendCopies(copies, extension)
    if (code === undefined) return grown
    const literalBits = literalPrices[code]
    return pruneCopies(grown, { base, next, start, from: Math.max(0, predecessor), literalBits })
  }
}
