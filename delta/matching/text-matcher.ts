import { AnchorMatcher, loose } from './anchor-matcher.ts'
import { ChainIndex } from './chain-index.ts'
import { CopyList } from './copy-list.ts'
import type { Effort } from './effort.ts'
import type { FileRange } from './gaps.ts'
import { extendCopies } from './extend-copies.ts'
import { landmarkCount, landmarksOf } from './landmarks.ts'
import type { PoolPart } from './pool-part.ts'
import { textPrices } from './prices.ts'
import { pruneOperations } from './prune-operations.ts'
import { type Stretch, type StringTable, StringTables } from './string-table.ts'
import { textGaps } from './text-gaps.ts'
import { TextParser } from './text-parser.ts'

/** Bytes of gaps from which on only longer strings are looked for. */
const largeBytesMin = 1 << 20
const shortBytes = 8
const longBytes = 16
/** Strings that are looked for; in more bytes those between are left out. */
const wantedMax = 3 << 19
/** Literals of a new text that later ones may repeat, and how much around them is indexed. */
const learnedBytesMin = 4
const learnedMargin = 24

/** Finds exact copies for texts, one after the other: from the old ones, and from those before. */
export class TextMatcher {
  /** Where each file goes on as its predecessor or as a landmark shows, about. */
  private readonly expected = new Map<FileRange, CopyList>()
  private readonly index: ChainIndex
  private readonly parser: TextParser

  /** `parts` are the old texts, in `base`, where the pool begins; the files come behind. */
  constructor(
    pool: Uint8Array,
    files: readonly FileRange[],
    options: {
      readonly base: Uint8Array
      readonly parts: readonly PoolPart[]
      readonly effort: Effort
    },
  ) {
    const { base, parts, effort } = options
    const landmarks = landmarksOf(base, parts, { tables: new StringTables(landmarkCount(parts)) })
    const matcher = new AnchorMatcher(base, pool, landmarks, loose)
    const gaps: Stretch[] = []
    for (const file of files) {
      const { start, end, predecessor } = file
      const extension = { base, next: pool, start, end, differingWeight: 2 }
      const expected = extendCopies(matcher.match(start, end, predecessor), extension)
      this.expected.set(file, expected)
      for (const gap of textGaps({ base, pool }, file, expected, longBytes)) gaps.push(gap)
    }
    const small = stretchBytes(gaps) < largeBytesMin
    this.index = new ChainIndex(pool, wantedStrings(pool, gaps, small ? shortBytes : longBytes))
    for (const { position, size } of parts) {
      this.index.extend({ start: position, end: position + size })
    }
    const most = small ? 32 : 16
    const chainMax = effort === 'best' ? most : 6
    this.parser = new TextParser(pool, this.index, { prices: textPrices, chainMax })
  }

  /** The operations for a file; files are matched in the order in which they lie in the pool. */
  match(file: FileRange & { readonly limit: number }): Int32Array {
    const { start, end, predecessor } = file
    const parsed = this.parser.parse(file, this.expected.get(file) ?? new CopyList())
    this.expected.delete(file)
    const operations = pruneOperations(parsed, Math.max(0, predecessor), textPrices)
    this.learn(operations, start, end)
    return operations
  }

  /**
   * Takes the literals of a text, with what is around them, into the index; the rest of it is found
   * where it was copied from.
   */
  private learn(operations: Int32Array, start: number, end: number): void {
    let at = start
    let from = -1
    let to = -1
    const flush = (): void => {
      if (from >= 0) this.index.extend({ start: from, end: Math.min(end, to) })
    }
    for (let i = 0; at < end; i += 3) {
      const literals = i < operations.length ? (operations[i] as number) : end - at
      if (literals >= learnedBytesMin) {
        const first = Math.max(start, at - learnedMargin)
        if (first > to) {
          flush()
          from = first
        }
        to = at + literals + learnedMargin
      }
      at += literals + (operations[i + 2] ?? 0)
    }
    flush()
  }
}

/** The strings of gaps in new texts. */
function wantedStrings(pool: Uint8Array, gaps: readonly Stretch[], length: number): StringTable {
  const bytes = stretchBytes(gaps)
  const count = Math.min(bytes, wantedMax)
  const table = new StringTables(count).table(length, count)
  const step = Math.ceil(bytes / wantedMax)
  for (const gap of gaps) table.want(pool, gap, step)
  return table
}

function stretchBytes(stretches: readonly Stretch[]): number {
  return stretches.reduce((sum, { start, end }) => sum + end - start, 0)
}
