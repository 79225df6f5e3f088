import type { ChainIndex } from './chain-index.ts'
import { CopyList } from './copy-list.ts'
import { equalBytes } from './equal-bytes.ts'
import type { FileRange } from './gaps.ts'
import { NearIndex } from './near-index.ts'
import type { Prices } from './prices.ts'

/** New bytes that one search for the cheapest way looks over. */
const spanMax = 1024
/** A copy of so many bytes that goes on as before is taken without looking for anything better. */
const niceKnownBytes = 48
/** Files below are searched more thoroughly: many small files often change all in the same way. */
const smallFileBytes = 1 << 16
const recentMax = 4
const unreached = 1e9
const habitBits = 16

export interface ParserOptions {
  readonly prices: Prices
  /** Positions of one chain that are tried. */
  readonly chainMax: number
}

/**
 * Finds the cheapest sequence of literals and exact copies for a file, by dynamic programming over
 * the stretches where the bytes do not simply go on as before.
 */
export class TextParser {
  private readonly pool: Uint8Array
  private readonly index: ChainIndex
  private readonly near: NearIndex
  private readonly options: ParserOptions
  private readonly cost = new Float64Array(spanMax + 1)
  /** How the best way reaches a position: literals since the last copy, and that copy's end. */
  private readonly literals = new Int32Array(spanMax + 1)
  private readonly ends = new Int32Array(spanMax + 1)
  private readonly recents = new Int32Array((spanMax + 1) * recentMax)
  private readonly stepLength = new Int32Array(spanMax + 1)
  private readonly stepFrom = new Int32Array(spanMax + 1)
  /** Whether all literals since the last copy were substitutions that were seen before. */
  private readonly known = new Uint8Array(spanMax + 1)
  private readonly habits = new Uint8Array(1 << habitBits)
  private expected = new CopyList()
  /** The first expected copy that does not end before the bytes in question. */
  private expectedNext = 0
  private operations: number[] = []
  private pending = 0
  private limit = 0
  private stop = 0
  /** A copy from afar of so many bytes is taken without looking for anything better. */
  private niceFarBytes = 0
  private niceFrom = 0
  private niceLength = 0

  constructor(pool: Uint8Array, index: ChainIndex, options: ParserOptions) {
    this.pool = pool
    this.index = index
    this.near = new NearIndex(pool)
    this.options = options
  }

  /**
   * Operations for a file, from what lies before its limit. `expected` are copies that are worth
   * trying wherever the file goes on without what the index knows.
   */
  parse(file: FileRange & { readonly limit: number }, expected: CopyList): Int32Array {
    const { start, end, predecessor, limit } = file
    this.expected = expected
    this.expectedNext = 0
    this.operations = []
    this.pending = 0
    this.limit = limit
    this.niceFarBytes = end - start < smallFileBytes ? 400 : 96
    this.stop = end
    this.ends[0] = Math.max(0, predecessor)
    this.literals[0] = 0
    this.known[0] = 1
    this.recents.fill(Math.max(0, predecessor) - start, 0, recentMax)
    let at = start
    if (predecessor >= 0) {
      const length = this.equal(start, predecessor)
      if (length > 0) at = this.take(at, predecessor, length)
    }
    while (at < end) {
      const reached = this.search(at)
      at = this.trace(at, reached)
      if (this.niceLength > 0) at = this.take(at, this.niceFrom, this.niceLength)
    }
    const operations = Int32Array.from(this.operations)
    this.learn(operations, start, predecessor)
    return operations
  }

  /** Remembers which bytes took the place of which: the same again costs next to nothing. */
  private learn(operations: Int32Array, start: number, predecessor: number): void {
    let at = start
    let end = predecessor
    for (let i = 0; i < operations.length; i += 3) {
      const literals = operations[i] as number
      if (literals > 0 && literals <= 4 && operations[i + 1] === end + literals) {
        for (let j = 0; j < literals; j++) this.habits[this.habit(at + j, end + j)] = 1
      }
      at += literals + (operations[i + 2] as number)
      end = (operations[i + 1] as number) + (operations[i + 2] as number)
    }
  }

  private habit(at: number, old: number): number {
    const { pool } = this
    let hash = pool[at] as number
    for (let i = -2; i < 2; i++) hash = Math.imul(hash, 0x2c1b3c6d) + (pool[old + i] ?? 0)
    return Math.imul(hash ^ (hash >>> 13), 0x9e3779b1) >>> (32 - habitBits)
  }

  /** Emits a copy and makes what follows it the start of the next search. */
  private take(at: number, from: number, length: number): number {
    const { recents } = this
    const distance = from - at
    let i = 0
    while (i < recentMax - 1 && recents[i] !== distance) i++
    for (; i > 0; i--) recents[i] = recents[i - 1] as number
    recents[0] = distance
    this.push(from, length)
    this.ends[0] = from + length
    this.literals[0] = 0
    this.known[0] = 1
    return at + length
  }

  /** Adds a copy, or makes the last one longer. */
  private push(from: number, length: number): void {
    const { operations } = this
    const last = operations.length - 3
    if (last >= 0 && this.pending === 0) {
      const lastLength = operations[last + 2] as number
      if ((operations[last + 1] as number) + lastLength === from) {
        operations[last + 2] = lastLength + length
        return
      }
    }
    operations.push(this.pending, from, length)
    this.pending = 0
  }

  /** Looks from `start` on; returns the offset where it ended, before a nice copy if one was found. */
  private search(start: number): number {
    const { cost, index, options } = this
    const { prices } = options
    const span = Math.min(spanMax, this.stop - start)
    cost.fill(unreached, 1, span + 1)
    cost[0] = 0
    this.niceLength = 0
    this.near.center(this.ends[0] as number, this.limit)
    const { hash: rolling } = index.table
    const hashed = Math.min(span, this.stop - start - rolling.length + 1)
    let hash = hashed > 0 ? rolling.of(this.pool, start) : 0
    for (let i = 0; i < span; i++) {
      this.tryKnown(start, i)
      this.tryExpected(start, i)
      if (i < hashed) {
        this.tryChains(start, i, hash)
        const into = this.pool[start + i + rolling.length] ?? 0
        hash = rolling.roll(hash, this.pool[start + i] as number, into)
      }
      this.tryNear(start, i)
      if (this.niceLength > 0) return i
      const old = (this.ends[i] as number) + (this.literals[i] as number)
      const habit = this.known[i] === 1 && this.habits[this.habit(start + i, old)] === 1
      const literalCost = (cost[i] as number) + (habit ? prices.habit : prices.literal)
      if (literalCost < (cost[i + 1] as number)) this.reachByLiteral(i, literalCost, habit)
    }
    return span
  }

  private reachByLiteral(i: number, cost: number, habit: boolean): void {
    const { recents } = this
    this.cost[i + 1] = cost
    this.known[i + 1] = habit ? 1 : 0
    this.stepLength[i + 1] = 0
    this.literals[i + 1] = (this.literals[i] as number) + 1
    this.ends[i + 1] = this.ends[i] as number
    for (let r = 0; r < recentMax; r++) {
      recents[(i + 1) * recentMax + r] = recents[i * recentMax + r] as number
    }
  }

  /** The copies that are cheap to say: go on, go on after an insertion, a recent distance. */
  private tryKnown(start: number, i: number): void {
    const end = this.ends[i] as number
    const at = start + i
    const literals = this.literals[i] as number
    this.tryCopy(start, i, end + literals, niceKnownBytes)
    if (literals > 0) this.tryCopy(start, i, end, niceKnownBytes)
    for (let r = 0; r < recentMax; r++) {
      this.tryCopy(start, i, at + (this.recents[i * recentMax + r] as number), niceKnownBytes)
    }
  }

  private tryExpected(start: number, i: number): void {
    const { expected } = this
    const at = start + i
    const ended = (copy: number): boolean => expected.newAt(copy) + expected.length(copy) <= at
    while (this.expectedNext < expected.count && ended(this.expectedNext)) this.expectedNext++
    if (this.expectedNext === expected.count) return
    const newAt = expected.newAt(this.expectedNext)
    if (newAt > at) return
    this.tryCopy(start, i, expected.oldAt(this.expectedNext) + at - newAt, this.niceFarBytes)
  }

  private tryChains(start: number, i: number, hash: number): void {
    const { index, options } = this
    const { pool } = this
    const at = start + i
    let longest = 0
    let entry = index.latest(hash)
    for (let n = options.chainMax; entry >= 0 && n > 0; n--) {
      const from = index.place(entry)
      // Far copies cost about the same: only a longer one can be better.
      if (pool[from + longest] === pool[at + longest]) {
        longest = Math.max(longest, this.tryCopy(start, i, from, this.niceFarBytes))
        if (this.niceLength > 0) return
      }
      entry = index.before(entry)
    }
  }

  private tryNear(start: number, i: number): void {
    const { near } = this
    const at = start + i
    if (at + near.length > this.stop) return
    let from = near.latest(at)
    for (let n = 12; from >= 0 && n > 0; n--) {
      this.tryCopy(start, i, from, this.niceFarBytes)
      from = near.before(from)
    }
  }

  /** Returns how many bytes are equal there. */
  private tryCopy(start: number, i: number, from: number, nice: number): number {
    const { pool, cost } = this
    const at = start + i
    if (from < 0 || from >= this.limit || pool[from] !== pool[at]) return 0
    const length = this.equal(at, from)
    if (length < 2) return length
    if (length >= nice && length > this.niceLength) {
      this.niceFrom = from
      this.niceLength = length
      return length
    }
    const to = i + Math.min(length, spanMax - i)
    const total = (cost[i] as number) + this.price(i, at, from)
    if (total >= (cost[to] as number)) return length
    cost[to] = total
    this.stepLength[to] = to - i
    this.stepFrom[to] = from
    this.literals[to] = 0
    this.known[to] = 1
    this.ends[to] = from + to - i
    this.rememberDistance(i, to, from - at)
    return length
  }

  private rememberDistance(i: number, to: number, distance: number): void {
    const { recents } = this
    const source = i * recentMax
    const target = to * recentMax
    recents[target] = distance
    let filled = 1
    for (let r = 0; r < recentMax && filled < recentMax; r++) {
      const other = recents[source + r] as number
      if (other !== distance) recents[target + filled++] = other
    }
    while (filled < recentMax) recents[target + filled++] = distance
  }

  private price(i: number, at: number, from: number): number {
    const { prices } = this.options
    const end = this.ends[i] as number
    const literals = this.literals[i] as number
    if (from === end + literals) {
      return this.known[i] === 1 && literals > 0 ? prices.habit : prices.operation + 1
    }
    if (from === end) return prices.operation + 2
    for (let r = 0; r < recentMax; r++) {
      if (this.recents[i * recentMax + r] === from - at) return prices.operation + 3 + r
    }
    return prices.operation + prices.step + 32 - Math.clz32(Math.abs(from - end - literals))
  }

  /** How many bytes are equal, not beyond the file or the limit. */
  private equal(at: number, from: number): number {
    const { pool } = this
    return equalBytes(pool, at, pool, from, Math.min(this.stop - at, this.limit - from))
  }

  /** Emits the best way to `reached` and keeps its state for the next search. */
  private trace(start: number, reached: number): number {
    const steps: number[] = []
    for (let i = reached; i > 0; ) {
      steps.push(i)
      i -= Math.max(1, this.stepLength[i] as number)
    }
    for (const i of steps.reverse()) {
      const length = this.stepLength[i] as number
      if (length === 0) {
        this.pending++
      } else {
        this.push(this.stepFrom[i] as number, length)
      }
    }
    this.ends[0] = this.ends[reached] as number
    this.literals[0] = this.literals[reached] as number
    this.known[0] = this.known[reached] as number
    this.recents.copyWithin(0, reached * recentMax, (reached + 1) * recentMax)
    return start + reached
  }
}
