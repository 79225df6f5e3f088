import { type CopyOp, labelViews, planReferences } from '../references/index.ts'
import type { CopyList } from './copy-list.ts'
import type { FileRange } from './gaps.ts'
import type { Effort } from './effort.ts'
import { InexactMatcher, type InexactMatching } from './inexact-matcher.ts'
import { inexactOperations } from './operations.ts'
import { looksBinary } from './looks-binary.ts'
import { plainCost } from './plain-cost.ts'
import type { PoolPart } from './pool-part.ts'
import { TextMatcher } from './text-matcher.ts'

/** Where the new bytes lie in the pool, and what they may be copied from. */
export interface FileToMatch extends FileRange {
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

  /** How each of the files comes about, in their order; later ones may copy from those before. */
  match(files: readonly FileToMatch[]): FileMatch[] {
    const matches = files.map((file) => (this.isTextFile(file) ? undefined : this.predict(file)))
    const binaries = files.filter((file, i) => matches[i] === undefined && !this.isTextFile(file))
    const binaryMatches = this.matchBinaries(binaries)
    const texts = files.filter((file) => this.isTextFile(file))
    const textMatches = this.matchTexts(texts)
    return files.map((file, i) => {
      return (matches[i] ?? binaryMatches.get(file) ?? textMatches.get(file)) as FileMatch
    })
  }

  private isTextFile({ start, end }: FileToMatch): boolean {
    return this.isText(start, end - start)
  }

  /** The old parts that are texts, or those that are none. */
  private oldParts(texts: boolean): PoolPart[] {
    return this.parts.filter(
      ({ position, size }) => position < this.base.length && this.isText(position, size) === texts,
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

  private matchTexts(files: readonly FileToMatch[]): Map<FileToMatch, FileMatch> {
    if (files.length === 0) return new Map()
    const { pool, base, effort } = this
    const matcher = new TextMatcher(pool, files, { base, parts: this.oldParts(true), effort })
    return new Map(
      files.map((file) => [file, { operations: matcher.match(file), coding: exactCoding }]),
    )
  }

  private matchBinaries(files: readonly FileToMatch[]): Map<FileToMatch, FileMatch> {
    if (files.length === 0) return new Map()
    const matcher = new InexactMatcher(this.base, this.pool, { parts: this.oldParts(false) })
    const found = matcher.match(files)
    return new Map(
      files.map((file, i) => {
        const operations = inexactOperations(found[i] as CopyList, file.start)
        return [file, { operations, coding: inexactCoding }]
      }),
    )
  }

  /** Matches again by what references mean instead of by their bytes. */
  private rematch(old: Uint8Array, next: Uint8Array, first: CopyList): CopyList {
    if (isWasm(next)) {
      if (copiedBytes(first) > next.length * copiedShareMin) return first
      return matchCode(old, next, { thorough: true })
    }
    const views = labelViews({ old, next, copies: copyOps(first) })
    if (views === undefined) return first
    return matchCode(views.old, views.next, { tables: true })
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
    const first = matchCode(old, next, { tables: !isWasm(next) })
    const most = next.length * knownShareMin
    if (plainCost(first, { old, next, most }) <= most) return undefined
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

const exactCoding = { copies: 'exact', literals: 'modelled', differences: 'modelled' } as const
const inexactCoding = { ...exactCoding, copies: 'inexact' } as const

/** The copies of a program from its predecessor. */
function matchCode(old: Uint8Array, next: Uint8Array, matching: InexactMatching = {}): CopyList {
  const file = { start: 0, end: next.length, predecessor: 0 }
  const code = isWasm(next) ? 'wasm' : 'program'
  const [copies] = new InexactMatcher(old, next, { ...matching, code }).match([file])
  return copies as CopyList
}

function copyOps(list: CopyList): CopyOp[] {
  const copies: CopyOp[] = []
  for (let i = 0; i < list.count; i++) {
    const length = list.length(i)
    copies.push({ oldPosition: list.oldAt(i), newPosition: list.newAt(i), length })
  }
  return copies
}

/**
 * A program of which all but so little is as it was: what moved took no references along, and
 * predicting them would only add what was wrong.
 */
const knownShareMin = 1 / 2000

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
