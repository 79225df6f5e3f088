import assert from 'node:assert'
import pako from 'pako'
import trees from 'pako/lib/zlib/trees.js'
import type { DeflateSettings } from './deflate-settings.ts'

const windowBytes = 32_768
const matchMin = 3
const matchMax = 258
const lookaheadMin = matchMax + matchMin + 1
const distanceMax = windowBytes - lookaheadMin
/** A match of three bytes further away than this is not worth a symbol. */
const shortMatchDistanceMax = 4096

interface Effort {
  readonly lazy: boolean
  /** Reduce the search above this match length. */
  readonly good: number
  /** Do not search lazily, or do not insert all strings of a match, above this length. */
  readonly longest: number
  /** Stop searching at this length. */
  readonly nice: number
  readonly chain: number
}

function effort(lazy: boolean, ...numbers: readonly [number, number, number, number]): Effort {
  const [good, longest, nice, chain] = numbers
  return { lazy, good, longest, nice, chain }
}

/** Of levels 1 to 9; the same in all programs of this family. */
const efforts: readonly Effort[] = [
  effort(false, 4, 4, 8, 4),
  effort(false, 4, 5, 16, 8),
  effort(false, 4, 6, 32, 32),
  effort(true, 4, 4, 16, 16),
  effort(true, 8, 16, 32, 32),
  effort(true, 8, 16, 128, 128),
  effort(true, 8, 32, 128, 256),
  effort(true, 32, 128, 258, 1024),
  effort(true, 32, 258, 258, 4096),
]

type TreeState = Parameters<typeof trees._tr_init>[0]

/**
 * The matching half of deflate for the variants whose hash, hash size or block ends differ from
 * zlib's; the Huffman half is pako's. The window is filled whenever there is room, so that output
 * does not depend on how content arrives. docs/formats/archives.md describes it.
 */
export class VariantMatcher {
  readonly #emit: (piece: Uint8Array) => void
  readonly #effort: Effort
  readonly #chromium: boolean
  readonly #endsEarly: boolean
  readonly #state: TreeState
  /** Three bytes more than are ever filled: hashes read ahead. */
  readonly #window = new Uint8Array(2 * windowBytes + matchMax)
  readonly #head: Uint16Array
  readonly #prev = new Uint16Array(windowBytes)
  #start = 0
  #lookahead = 0
  #blockStart = 0
  #matchStart = 0
  #matchLength = matchMin - 1
  #prevLength = matchMin - 1
  #literalWaits = false

  constructor(settings: DeflateSettings, emit: (piece: Uint8Array) => void) {
    const { level, memLevel, variant } = settings
    const effortOfLevel = efforts[level - 1]
    assert(effortOfLevel !== undefined, 'the variants have levels 1 to 9')
    this.#emit = emit
    this.#effort = effortOfLevel
    this.#chromium = variant === 'chromium'
    this.#endsEarly = variant === 'gzip' && level > 2
    this.#head = new Uint16Array(2 ** (this.#chromium ? Math.max(15, memLevel + 7) : 15))
    const deflate = new pako.Deflate({ raw: true, level: level as 6, memLevel })
    this.#state = (deflate as unknown as { strm: { state: TreeState } }).strm.state
    assert(this.#state.sym_end > 0, 'pako is not the version that is pinned')
    this.#state.window = this.#window
    trees._tr_init(this.#state)
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const room = 2 * windowBytes - this.#start - this.#lookahead
      const part = bytes.subarray(at, at + room)
      this.#window.set(part, this.#start + this.#lookahead)
      this.#lookahead += part.length
      at += part.length
      if (part.length === room) this.#run(false)
    }
  }

  finish(): void {
    this.#run(true)
    if (this.#literalWaits) this.#tally(0, this.#window[this.#start - 1] as number)
    this.#flushBlock(true)
  }

  #run(last: boolean): void {
    const step = this.#effort.lazy ? () => this.#lazyStep() : () => this.#fastStep()
    for (;;) {
      if (this.#lookahead < lookaheadMin) {
        this.#slide()
        if (!last || this.#lookahead === 0) return
      }
      step()
    }
  }

  /** Moves the upper half of a window that is nearly used up to the lower half. */
  #slide(): void {
    if (this.#start < windowBytes + distanceMax) return
    const room = 2 * windowBytes - this.#start - this.#lookahead
    this.#window.copyWithin(0, windowBytes, 2 * windowBytes - room)
    this.#start -= windowBytes
    this.#matchStart -= windowBytes
    this.#blockStart -= windowBytes
    for (const table of [this.#head, this.#prev]) {
      for (let index = 0; index < table.length; index++) {
        const position = table[index] as number
        table[index] = position >= windowBytes ? position - windowBytes : 0
      }
    }
  }

  /** Enters the string at the position into its chain; returns the chain's former head. */
  #insert(position: number): number {
    const window = this.#window
    const a = window[position] as number
    const b = window[position + 1] as number
    const c = window[position + 2] as number
    let hash: number
    if (this.#chromium) {
      const word = a | (b << 8) | (c << 16) | ((window[position + 3] as number) << 24)
      hash = ((Math.imul(word, 66_521) + 66_521) >>> 16) & (this.#head.length - 1)
    } else {
      hash = ((a << 10) ^ (b << 5) ^ c) & 0x7fff
    }
    const former = this.#head[hash] as number
    this.#prev[position & (windowBytes - 1)] = former
    this.#head[hash] = position
    return former
  }

  /** Levels 4 to 9: a match is taken only when the next position has no longer one. */
  #lazyStep(): void {
    const start = this.#start
    const head = this.#lookahead >= matchMin ? this.#insert(start) : 0
    const before = this.#matchLength
    const beforeStart = this.#matchStart
    this.#prevLength = before
    this.#matchLength = matchMin - 1
    if (head !== 0 && before < this.#effort.longest && start - head <= distanceMax) {
      const length = this.#longestMatch(head)
      const poor = length === matchMin && start - this.#matchStart > shortMatchDistanceMax
      this.#matchLength = poor ? matchMin - 1 : length
    }
    if (before >= matchMin && this.#matchLength <= before) {
      this.#takeEarlierMatch(start - 1 - beforeStart, before)
      return
    }
    const full = this.#literalWaits && this.#tally(0, this.#window[start - 1] as number)
    if (full) this.#flushBlock(false)
    this.#literalWaits = true
    this.#start++
    this.#lookahead--
  }

  #takeEarlierMatch(distance: number, length: number): void {
    const insertMax = this.#start + this.#lookahead - matchMin
    const full = this.#tally(distance, length - matchMin)
    this.#lookahead -= length - 1
    for (let left = length - 2; left > 0; left--) {
      this.#start++
      if (this.#start <= insertMax) this.#insert(this.#start)
    }
    this.#literalWaits = false
    this.#matchLength = matchMin - 1
    this.#start++
    if (full) this.#flushBlock(false)
  }

  /** Levels 1 to 3: the first match is taken. */
  #fastStep(): void {
    const start = this.#start
    const head = this.#lookahead >= matchMin ? this.#insert(start) : 0
    if (head !== 0 && start - head <= distanceMax) this.#matchLength = this.#longestMatch(head)
    const length = this.#matchLength
    let full: boolean
    if (length >= matchMin) {
      full = this.#tally(start - this.#matchStart, length - matchMin)
      this.#lookahead -= length
      if (length <= this.#effort.longest && this.#lookahead >= matchMin) {
        for (let position = start + 1; position < start + length; position++) this.#insert(position)
      }
      this.#matchLength = 0
      this.#start += length
    } else {
      full = this.#tally(0, this.#window[start] as number)
      this.#start++
      this.#lookahead--
    }
    if (full) this.#flushBlock(false)
  }

  /** Length of the longest match on a chain, longer than the one before; sets where it starts. */
  #longestMatch(head: number): number {
    const window = this.#window
    const prev = this.#prev
    const scan = this.#start
    const limit = Math.max(0, scan - distanceMax)
    const nice = Math.min(this.#effort.nice, this.#lookahead)
    let chain = this.#prevLength >= this.#effort.good ? this.#effort.chain >> 2 : this.#effort.chain
    let best = this.#prevLength
    let bestEnd = window[scan + best]
    let match = head
    do {
      if (
        window[match + best] === bestEnd &&
        window[match + best - 1] === window[scan + best - 1] &&
        window[match] === window[scan] &&
        window[match + 1] === window[scan + 1]
      ) {
        let length = matchMin - 1
        while (length < matchMax && window[scan + length] === window[match + length]) length++
        if (length > best) {
          this.#matchStart = match
          best = length
          if (length >= nice) break
          bestEnd = window[scan + best]
        }
      }
      match = prev[match & (windowBytes - 1)] as number
      chain--
    } while (match > limit && chain !== 0)
    return Math.min(best, this.#lookahead)
  }

  /** Notes a symbol; returns whether the block is to end. */
  #tally(distance: number, literalOrLength: number): boolean {
    const full = trees._tr_tally(this.#state, distance, literalOrLength)
    if (full || !this.#endsEarly) return full
    const symbols = this.#state.sym_next / 3
    return symbols % 4096 === 0 && this.#shrinksWell(symbols)
  }

  /** gzip's rule: fewer than half the symbols are matches, and less than half the bytes remain. */
  #shrinksWell(symbols: number): boolean {
    let matches = 0
    let bits = symbols * 8
    for (let code = 0; code < 30; code++) {
      const count = this.#state.dyn_dtree[code * 2] as number
      matches += count
      bits += count * (5 + (code < 2 ? 0 : (code >> 1) - 1))
    }
    const bytes = this.#start - this.#blockStart
    return matches < symbols >> 1 && Math.floor(bits / 8) < bytes >> 1
  }

  #flushBlock(last: boolean): void {
    const state = this.#state
    const start = this.#blockStart >= 0 ? this.#blockStart : -1
    trees._tr_flush_block(state, start, this.#start - this.#blockStart, last)
    this.#blockStart = this.#start
    this.#emit(state.pending_buf.slice(0, state.pending))
    state.pending = 0
  }
}
