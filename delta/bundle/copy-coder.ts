import { AdaptiveBits } from '../entropy/adaptive-bits.ts'
import type { BinaryCoder } from '../entropy/binary-coder.ts'
import { stepTable } from '../entropy/logistic.ts'
import { NumberModel } from '../entropy/number-model.ts'
import { deltaError } from '../errors.ts'

const markBits = 16
const visitsMax = 255
/** What a mark says at first of the copies that come by: one in four ends. */
const freshMark = 0x40000001
/** Copies beyond are always counted. */
const walkMax = 1 << 16
/** What counting costs, about, in 1/256 bits. */
const countCost = 12 * 256

/**
 * Codes how long exact copies are: by their number of bytes, or by saying "until a mark that ends
 * it". Where a copy ended, the old bytes around leave a mark; what changes in the same way again
 * and again costs next to nothing.
 */
export class CopyCoder {
  private readonly marks = new Int32Array(1 << markBits)
  private readonly ways = new AdaptiveBits(8, 60)
  private readonly lengths = new NumberModel(4, 250)
  private lastWay = 0

  /**
   * Codes whether the copy ends at a mark. `kind` is how its place was said; `wanted` are its
   * bytes in `pool` from `at` on.
   */
  codeWay(coder: BinaryCoder, kind: number, wanted: boolean): boolean {
    const context = this.lastWay * 4 + Math.min(3, kind)
    this.lastWay = this.ways.code(coder, context, wanted ? 1 : 0)
    return this.lastWay === 1
  }

  /** Codes the bytes of a counted copy of at most `left`; 0 stands for all of these. */
  codeLength(coder: BinaryCoder, kind: number, wanted: number, left: number): number {
    const coded = this.lengths.code(coder, Math.min(3, kind), wanted === left ? 0 : wanted + 1)
    const length = coded === 0 ? left : coded - 1
    if (length > left) throw deltaError('LW_DELTA_FORMAT', { detail: 'A copy beyond the file.' })
    return length
  }

  /** Leaves a mark where a counted copy ended, `next` being the old byte behind it. */
  mark(recent: number, next: number): void {
    const slot = slotOf(recent, next)
    const cell = this.marks[slot] as number
    this.marks[slot] = cell === 0 ? freshMark : moved(cell, 1)
  }

  /**
   * Goes on with a copy that ends at a mark: takes bytes from `old` to `output` until it ends, at
   * most `count`. Returns the bytes taken; fewer than `count` when it ended. `recent` are the
   * four bytes before, `wanted` how many bytes it still has when that is known.
   */
  walk(
    coder: BinaryCoder,
    recent: number,
    from: { readonly bytes: Uint8Array; readonly at: number },
    to: { readonly bytes: Uint8Array; readonly at: number },
    count: number,
    wanted: number,
  ): number {
    const { marks } = this
    const { bytes: old, at: oldAt } = from
    const { bytes: output, at } = to
    let trail = recent
    for (let i = 0; i < count; i++) {
      const next = old[oldAt + i] as number
      const slot = slotOf(trail, next)
      const cell = marks[slot] as number
      if (cell !== 0) {
        const ends = coder.code(i === wanted ? 1 : 0, clamped(cell >>> 16))
        marks[slot] = moved(cell, ends)
        if (ends === 1) return i
      }
      output[at + i] = next
      trail = (trail << 8) | next
    }
    return count
  }

  /** Whether a copy of `length` bytes is better ended at a mark than counted. */
  pays(recent: number, old: Uint8Array, oldAt: number, length: number, count: number): boolean {
    if (length > walkMax || length >= count) return false
    const { marks } = this
    let trail = recent
    let cost = 0
    for (let i = 0; i < length; i++) {
      const next = old[oldAt + i] as number
      const cell = marks[slotOf(trail, next)] as number
      if (cell !== 0) {
        cost += costs[(65535 - (cell >>> 16)) >>> 8] as number
        if (cost > countCost) return false
      }
      trail = (trail << 8) | next
    }
    const cell = marks[slotOf(trail, old[oldAt + length] as number)] as number
    return cell !== 0 && cost + (costs[cell >>> 24] as number) < countCost
  }
}

/** What a decision costs whose probability is (i + 1/2) / 256, in 1/256 bits. */
const costs = Int32Array.from({ length: 256 }, (_, i) =>
  Math.round(-256 * Math.log2((i + 0.5) / 256)),
)

function slotOf(recent: number, next: number): number {
  return Math.imul(Math.imul(recent & 0xffffff, 0x2c1b3c6d) + next, 0x9e3779b1) >>> (32 - markBits)
}

function clamped(p: number): number {
  return p > 65534 ? 65534 : p < 1 ? 1 : p
}

function moved(cell: number, bit: number): number {
  const visits = cell & 1023
  const move =
    Math.imul(((bit << 22) - (cell >>> 10)) >> 3, stepTable[visits] as number) & 0xfffffc00
  return (cell + move + (visits < visitsMax ? 1 : 0)) | 0
}
