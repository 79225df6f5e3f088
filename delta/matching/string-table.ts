import { type Kernel, loadKernel } from '../kernels/load-kernel.ts'
import { mixed, RollingHash } from './rolling-hash.ts'

/** Bytes that the kernel looks at in one go. */
const windowBytes = 1 << 18
/** Bits of the filter for each slot. */
const filterBits = 3
const slotBitsMin = 8
/** Slots that may be taken. */
const fullMax = 0.75

interface TableKernel {
  setUp(
    length: number,
    slotBits: number,
    keys: number,
    firsts: number,
    lasts: number,
    filter: number,
  ): void
  want(start: number, end: number, step: number): void
  sample(start: number, end: number, step: number, origin: number): void
  locate(start: number, end: number, origin: number): void
  list(start: number, end: number, pairs: number): number
  refine(): void
}

/** A stretch of bytes. */
export interface Stretch {
  readonly start: number
  readonly end: number
}

/** Memory for tables of strings, one at a time: the next one takes the place of the last. */
export class StringTables {
  private readonly slotsMax: number
  private readonly kernel: Kernel<TableKernel>

  /** For tables of up to `countMax` strings. */
  constructor(countMax: number) {
    this.slotsMax = slotsFor(countMax)
    const url = new URL('./kernel/kernel.wasm', import.meta.url)
    const { end } = layOut(this.slotsMax)
    this.kernel = loadKernel({ url, memoryBytes: end })
  }

  /** An empty table for at most `count` strings of `length` bytes. */
  table(length: number, count: number): StringTable {
    const slots = slotsFor(count)
    if (slots > this.slotsMax) throw new TypeError('there is no room for so many strings')
    return new StringTable(this.kernel, length, slots)
  }
}

/** A quarter of the slots stays free at least. */
function slotsFor(count: number): number {
  return 2 ** Math.max(slotBitsMin, Math.ceil(Math.log2(count / fullMax)))
}

/** Where the parts of a table lie in the memory. */
function layOut(slots: number) {
  const keysAt = windowBytes
  const firstsAt = keysAt + slots * 4
  const lastsAt = firstsAt + slots * 4
  const filterAt = lastsAt + slots * 4
  const pairsAt = filterAt + slots
  // A pair of words at most for each byte of the window.
  return { keysAt, firstsAt, lastsAt, filterAt, pairsAt, end: pairsAt + windowBytes * 8 }
}

/**
 * Strings of one length, by their hash, and where they lie. What is large is looked through, not
 * taken in: a table of what the new bytes want stays small enough for a processor's caches while all
 * old bytes pass by it. The bytes pass through a window of the kernel.
 */
export class StringTable {
  readonly hash: RollingHash
  /** Slots of the table; numbers of slots are below. */
  readonly slots: number
  private readonly kernel: Kernel<TableKernel>
  private readonly keys: Int32Array
  private readonly firsts: Int32Array
  private readonly lasts: Int32Array
  private readonly filter: Uint8Array
  private readonly window: Uint8Array
  private readonly pairsAt: number
  private readonly shift: number

  constructor(kernel: Kernel<TableKernel>, length: number, slots: number) {
    this.hash = new RollingHash(length)
    this.kernel = kernel
    this.slots = slots
    const bits = Math.log2(slots)
    this.shift = 32 - bits
    const { keysAt, firstsAt, lastsAt, filterAt, pairsAt } = layOut(slots)
    const { buffer, exports } = kernel
    this.keys = new Int32Array(buffer, keysAt, slots).fill(0)
    this.firsts = new Int32Array(buffer, firstsAt, slots)
    this.lasts = new Int32Array(buffer, lastsAt, slots)
    this.filter = new Uint8Array(buffer, filterAt, slots).fill(0)
    this.window = new Uint8Array(buffer, 0, windowBytes)
    this.pairsAt = pairsAt
    exports.setUp(length, bits, keysAt, firstsAt, lastsAt, filterAt)
  }

  /** Takes in every `step`-th string that begins and ends in the stretch, without its place. */
  want(bytes: Uint8Array, stretch: Stretch, step: number): void {
    this.each(bytes, stretch, step, (start, end) => this.kernel.exports.want(start, end, step))
  }

  /** Takes in every `step`-th string of the stretch with its place. */
  sample(bytes: Uint8Array, stretch: Stretch, step: number): void {
    this.each(bytes, stretch, step, (start, end, origin) => {
      this.kernel.exports.sample(start, end, step, origin)
    })
  }

  /** Gives places to the strings in the table that the stretch holds: the first and the last one. */
  locate(bytes: Uint8Array, stretch: Stretch): void {
    this.each(bytes, stretch, 1, (start, end, origin) => {
      this.kernel.exports.locate(start, end, origin)
    })
  }

  /** Strings without a place are not looked for any more; none are taken in afterwards. */
  refine(): void {
    this.kernel.exports.refine()
  }

  /** Says where the stretch holds strings of the table, in order: slots and positions. */
  list(bytes: Uint8Array, stretch: Stretch, take: (slot: number, position: number) => void): void {
    this.each(bytes, stretch, 1, (start, end, origin) => {
      const count = this.kernel.exports.list(start, end, this.pairsAt)
      const pairs = new Int32Array(this.kernel.buffer, this.pairsAt, count * 2)
      for (let i = 0; i < pairs.length; i += 2) {
        take(pairs[i] as number, origin + (pairs[i + 1] as number))
      }
    })
  }

  /** The slot of a hash, or -1 when there is no such string. */
  find(hash: number): number {
    const key = hash === 0 ? 1 : hash
    const mix = mixed(key)
    const { keys, shift } = this
    let slot = mix >>> shift
    const bit = (mix >>> (shift - filterBits)) & 7
    if ((((this.filter[slot] as number) >> bit) & 1) === 0) return -1
    for (;;) {
      const known = keys[slot] as number
      if (known === key) return slot
      if (known === 0) return -1
      slot = (slot + 1) & (keys.length - 1)
    }
  }

  /** The first place that a string was seen at, or -1. */
  first(slot: number): number {
    return this.firsts[slot] as number
  }

  /** The last place when there are several, or -1. */
  last(slot: number): number {
    return this.lasts[slot] as number
  }

  /** Hands a stretch through the window, in pieces that begin `step` apart and share their seams. */
  private each(
    bytes: Uint8Array,
    { start, end }: Stretch,
    step: number,
    take: (windowStart: number, windowEnd: number, origin: number) => void,
  ): void {
    const { window } = this
    const { length } = this.hash
    const room = windowBytes - length
    const stride = room - (room % step)
    for (let at = start; at + length <= end; at += stride) {
      const piece = bytes.subarray(at, Math.min(end, at + stride + length - 1))
      window.set(piece)
      take(window.byteOffset, window.byteOffset + piece.length, at)
    }
  }
}
