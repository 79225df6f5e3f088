import { dictionaryLimits } from './limits.ts'
import { firstRepeats } from './zstd-codes.ts'

/** A match in the joined bytes of dictionary and content. */
export interface Match {
  /** Where it begins. */
  readonly at: number
  readonly length: number
  readonly offset: number
  /** Estimated bits that it saves over literals. */
  readonly gain: number
}

const longKeyBytes = 8
const shortKeyBytes = 4
const candidatesMax = 8
/** Every so many positions are remembered of files too large for all. */
const sparseStride = 4
/** A match of this length is taken without looking further. */
const enoughBytes = 2048
const literalBitsEstimate = 5
/** Codes of one sequence, without what its offset takes. */
const sequenceBits = 9
const offsetBits = 3

/**
 * Finds matches for the content behind `start` in everything before: eight bytes hashed and
 * chained over dictionary and content, four bytes for what is near, and the offsets used last,
 * which are cheap and carry on behind a small change.
 */
export class MatchFinder {
  readonly #bytes: Uint8Array
  /** Where the content begins. */
  readonly #start: number
  readonly #windowBytes: number
  readonly #heads: Int32Array
  /** The position before with the same hash, for every `#stride`th position. */
  readonly #earlier: Int32Array
  readonly #stride: number
  readonly #near: Int32Array
  #repeats: readonly number[] = firstRepeats
  /** Positions before it can be found. */
  #known = 0

  constructor(bytes: Uint8Array, start: number, windowBytes: number) {
    this.#bytes = bytes
    this.#start = start
    this.#windowBytes = windowBytes
    this.#stride = bytes.byteLength <= dictionaryLimits.chainedBytesMax ? 1 : sparseStride
    const bits = Math.min(22, Math.max(10, 32 - Math.clz32(bytes.byteLength)))
    this.#heads = new Int32Array(1 << bits).fill(-1)
    this.#near = new Int32Array(1 << Math.min(16, bits)).fill(-1)
    this.#earlier = new Int32Array(Math.ceil(bytes.byteLength / this.#stride))
  }

  /** The best match at a position or just behind it, when one pays; none begins before `floor`. */
  find(at: number, end: number, floor: number): Match | undefined {
    this.#learn(at)
    let best = this.#bestAt(at, end)
    if (best === undefined) return undefined
    // A better one may begin a little later; each step costs a literal.
    for (let step = 1; step <= 2 && best.length < enoughBytes; step++) {
      const later = at + step
      if (later >= end) break
      this.#learn(later)
      const other = this.#bestAt(later, end)
      if (other !== undefined && other.gain > best.gain + step * 4) {
        best = other
        at = later
        step = 0
      }
    }
    return this.#extendBack(best, floor)
  }

  /** Tells which offset was used, so that it is tried first from now on. */
  use(offset: number): void {
    const [first, second, third] = this.#repeats as [number, number, number]
    if (offset === first) return
    this.#repeats = [offset, first, offset === second ? third : second]
  }

  #bestAt(at: number, end: number): Match | undefined {
    let best: Match | undefined
    const consider = (position: number, isRepeat: boolean): void => {
      const offset = at - position
      if (position < 0 || offset <= 0) return
      const reach = this.#reach(offset, position, end)
      const length = reach - at < 3 ? 0 : this.#lengthAt(at, position, reach)
      const cost = sequenceBits + (isRepeat ? 0 : offsetBits + Math.log2(offset))
      const gain = length * literalBitsEstimate - cost
      if (length < 3 || gain <= 0 || gain <= (best?.gain ?? 0)) return
      best = { at, length, offset, gain }
    }
    for (const offset of this.#repeats) consider(at - offset, true)
    if (best !== undefined && (best as Match).length >= enoughBytes) return best
    const bytes = this.#bytes
    if (at + longKeyBytes <= end) {
      let position = this.#heads[this.#slot(at)] ?? -1
      for (let tried = 0; position >= 0 && tried < candidatesMax; tried++) {
        consider(position, false)
        if (((best as Match | undefined)?.length ?? 0) >= enoughBytes) break
        position = this.#earlier[position / this.#stride] ?? -1
      }
    }
    if (at + shortKeyBytes <= end)
      consider(this.#near[nearHash(bytes, at, this.#near.length)] ?? -1, false)
    return best
  }

  /** Sparse positions are met late; what is the same before them belongs to the match, too. */
  #extendBack(match: Match, floor: number): Match {
    const bytes = this.#bytes
    const isWhole = match.at + match.length - this.#start <= this.#windowBytes
    const first = isWhole ? 0 : this.#start
    let { at } = match
    while (at > floor && at - 1 - match.offset >= first) {
      if (bytes[at - 1] !== bytes[at - 1 - match.offset]) break
      at--
    }
    return at === match.at ? match : { ...match, at, length: match.length + match.at - at }
  }

  #lengthAt(at: number, position: number, end: number): number {
    const bytes = this.#bytes
    let length = 0
    while (at + length < end && bytes[position + length] === bytes[at + length]) length++
    return length
  }

  /**
   * How far a match may go: by RFC 8878 3.1.1.1.2 and 5 the dictionary is in reach until more than
   * the window was decoded, from then on only what the window holds.
   */
  #reach(offset: number, position: number, end: number): number {
    const isInWindow = offset <= this.#windowBytes && position >= this.#start
    return isInWindow ? end : Math.min(end, this.#start + this.#windowBytes)
  }

  /** Makes all positions before `upTo` findable. */
  #learn(upTo: number): void {
    const bytes = this.#bytes
    const last = Math.min(upTo, bytes.byteLength - longKeyBytes + 1)
    const stride = this.#stride
    for (let at = this.#known; at < last; at++) {
      if (at % stride === 0) {
        const slot = this.#slot(at)
        this.#earlier[at / stride] = this.#heads[slot] ?? -1
        this.#heads[slot] = at
      }
      if (at >= this.#start) this.#near[nearHash(bytes, at, this.#near.length)] = at
    }
    this.#known = Math.max(this.#known, last)
  }

  #slot(at: number): number {
    const bytes = this.#bytes
    const low = wordAt(bytes, at)
    const high = wordAt(bytes, at + 4)
    const hash = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b)
    return (hash ^ (hash >>> 15)) & (this.#heads.length - 1)
  }
}

function nearHash(bytes: Uint8Array, at: number, slots: number): number {
  const hash = Math.imul(wordAt(bytes, at), 0x9e3779b1)
  return (hash >>> 15) & (slots - 1)
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  )
}
