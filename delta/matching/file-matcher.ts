import { type CopyOp, labelViews, planReferences } from '../references/index.ts'
import { ChainIndex } from './chain-index.ts'
import type { CopyList } from './copy-list.ts'
import { InexactMatcher } from './inexact-matcher.ts'
import { inexactOperations } from './operations.ts'
import { textPrices } from './prices.ts'
import type { PoolPart } from './pool-part.ts'
import { pruneOperations } from './prune-operations.ts'
import { TextParser } from './text-parser.ts'

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
  readonly references?: {
    readonly position: number
    readonly size: number
    readonly side: Uint8Array
  }
  readonly coding: {
    readonly copies: 'exact' | 'inexact'
    readonly literals: 'modelled' | 'bulk'
    readonly differences: 'modelled' | 'bulk'
  }
}

/** Finds how each file comes about from the base and from the files built before it. */
export class FileMatcher {
  private readonly pool: Uint8Array
  private readonly base: Uint8Array
  private readonly effort: Effort
  private readonly parts: readonly PoolPart[]
  private readonly texts = new Map<number, boolean>()
  private indexedParts = 0
  private textParts: { readonly index: ChainIndex; readonly parser: TextParser } | undefined
  private binaryParts: InexactMatcher | undefined

  /** `parts` are the objects of the pool in order, whatever they are. */
  constructor(
    pool: Uint8Array,
    baseBytes: number,
    options: { readonly effort: Effort; readonly parts: readonly PoolPart[] },
  ) {
    this.pool = pool
    this.base = pool.subarray(0, baseBytes)
    this.effort = options.effort
    this.parts = options.parts
  }

  match(file: FileToMatch): FileMatch {
    const text = this.isText(file.start, file.end - file.start)
    return text ? this.matchText(file) : this.matchBinary(file)
  }

  /** The old parts that are no text. */
  private binaries(): PoolPart[] {
    return this.parts.filter(
      ({ position, size }) => position < this.base.length && !this.isText(position, size),
    )
  }

  /** Whether a part of the pool is matched by exact copies. */
  private isText(position: number, size: number): boolean {
    const known = this.texts.get(position)
    if (known !== undefined) return known
    const text = !looksBinary(this.pool.subarray(position, position + size))
    if (size > 0) this.texts.set(position, text)
    return text
  }

  /**
   * Takes the old texts below `limit` into the index. Of the new ones `learn` takes what is new in
   * them: the rest is found where it was copied from.
   */
  private index(limit: number, index: ChainIndex): void {
    const end = Math.min(limit, this.base.length)
    for (; this.indexedParts < this.parts.length; this.indexedParts++) {
      const { position, size } = this.parts[this.indexedParts] as PoolPart
      if (position >= end) return
      if (this.isText(position, size)) index.extend(position, position + size)
    }
  }

  /** Takes the literals of a text, with what is around them, into the index. */
  private learn(operations: Int32Array, start: number, end: number, index: ChainIndex): void {
    let at = start
    let from = -1
    let to = -1
    const flush = (): void => {
      if (from >= 0) index.extend(from, Math.min(end, to))
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

  private matchText({ start, end, predecessor, limit }: FileToMatch): FileMatch {
    const { pool } = this
    if (this.textParts === undefined) {
      const small = pool.length < 1 << 24
      const index = new ChainIndex(pool, small ? 8 : 16, small ? 1 : 4)
      const most = small ? 32 : 16
      const chainMax = this.effort === 'best' ? most : 6
      const parser = new TextParser(pool, index, { prices: textPrices, chainMax })
      this.textParts = { index, parser }
    }
    const { index, parser } = this.textParts
    this.index(limit, index)
    const parsed = parser.parse(start, end, predecessor, limit)
    const operations = pruneOperations(parsed, Math.max(0, predecessor), textPrices)
    this.learn(operations, start, end, index)
    return { operations, coding: exactCoding }
  }

  private matchBinary(file: FileToMatch): FileMatch {
    const predicted = this.predict(file)
    if (predicted !== undefined) return predicted
    const { start, end, predecessor } = file
    const { base, pool } = this
    this.binaryParts ??= new InexactMatcher(base, pool, { parts: this.binaries() })
    const copies = this.binaryParts.match(start, end, predecessor)
    return { operations: inexactOperations(copies, start), coding: inexactCoding }
  }

  /** Matches again by what references mean instead of by their bytes. */
  private rematch(old: Uint8Array, next: Uint8Array, first: CopyList): CopyList {
    if (isWasm(next)) {
      if (copiedBytes(first) > next.length * copiedShareMin) return first
      const matching = { code: true, effort: 'thorough' } as const
      return new InexactMatcher(old, next, matching).match(0, next.length, 0)
    }
    const views = labelViews({ old, next, copies: copyOps(first) })
    if (views === undefined) return first
    const matching = { code: true, effort: 'light' } as const
    return new InexactMatcher(views.old, views.next, matching).match(0, next.length, 0)
  }

  /** Executables: copies that agree with what code refers to, when predicting references pays. */
  private predict({
    start,
    end,
    predecessor,
    predecessorBytes,
  }: FileToMatch): FileMatch | undefined {
    if (predecessor < 0 || !mayBeExecutable(this.pool, start)) return undefined
    const old = this.pool.subarray(predecessor, predecessor + predecessorBytes)
    const next = this.pool.subarray(start, end)
    const first = new InexactMatcher(old, next, { code: true }).match(0, next.length, 0)
    const list = this.effort === 'best' ? this.rematch(old, next, first) : first
    const side = planReferences({ old, next, copies: copyOps(list) })?.side
    if (side === undefined) return undefined
    const operations = inexactOperations(list, 0)
    for (let i = 1; i < operations.length; i += 3) {
      operations[i] = (operations[i] as number) + predecessor
    }
    const references = { position: predecessor, size: predecessorBytes, side }
    return { operations, coding: inexactCoding, references }
  }
}

/** Literals of a new text that later ones may repeat, and how much around them is indexed. */
const learnedBytesMin = 4
const learnedMargin = 24

const exactCoding = { copies: 'exact', literals: 'modelled', differences: 'modelled' } as const
const inexactCoding = { ...exactCoding, copies: 'inexact' } as const

function copyOps(list: CopyList): CopyOp[] {
  const copies: CopyOp[] = []
  for (let i = 0; i < list.count; i++) {
    const length = list.length(i)
    copies.push({ oldPosition: list.oldAt(i), newPosition: list.newAt(i), length })
  }
  return copies
}

/** A program of which less was found by the first matching is looked through thoroughly. */
const copiedShareMin = 0.9

function copiedBytes(list: CopyList): number {
  let bytes = 0
  for (let i = 0; i < list.count; i++) bytes += list.length(i)
  return bytes
}

/** WebAssembly, which has no addresses that a second matching could go by. */
function isWasm(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d
}

/** ELF, PE, Mach-O and its universal form, and WebAssembly, by their first bytes. */
function mayBeExecutable(bytes: Uint8Array, at: number): boolean {
  const word = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8)
  const magic = (word | (bytes[at + 3] ?? 0)) >>> 0
  return (
    magic === 0x7f454c46 ||
    magic >>> 16 === 0x4d5a ||
    [0x0061736d, 0xcffaedfe, 0xfeedfacf, 0xcefaedfe, 0xcafebabe].includes(magic)
  )
}

const sampleBytes = 1 << 15

/** Whether zero bytes or many control bytes say that a file is no text. */
function looksBinary(bytes: Uint8Array): boolean {
  const end = Math.min(bytes.length, sampleBytes)
  let odd = 0
  for (let i = 0; i < end; i++) {
    const byte = bytes[i] as number
    if (byte === 0 || (byte < 32 && byte !== 10 && byte !== 13 && byte !== 9)) odd++
  }
  return odd * 100 > end
}
