import { untouched } from './adaptive-bits.ts'
import type { BinaryCoder } from './binary-coder.ts'
import { squashTable } from './logistic.ts'
import { cellStretch, firstWeight, mixSets, moved, nextCell, nudged } from './mixing.ts'
import { SlotTable } from './slot-table.ts'

/**
 * As `ByteModel`, from three contexts and one guess: half the time, a few per cent more bytes. The
 * loop stands twice because one that took the number of contexts would keep nothing in registers.
 */
export class LightModel {
  /** Hashes of the contexts of the next byte. */
  readonly contexts = new Int32Array(3)
  /** A guess of the next byte, or -1. */
  readonly guesses = new Int32Array(1)
  /** How far to trust it: 0 to 31. */
  readonly confidences = new Int32Array(1)
  mixSet = 0

  private readonly table: SlotTable
  private readonly guessCells = new Int32Array(1 * 32 * 2 * 8).fill(untouched)
  private readonly weights = new Int32Array(mixSets * 256 * 5).fill(firstWeight)

  /** `slotBits`: logarithm of the slots (16 cells of 2 bytes) of each context. */
  constructor(slotBits: number) {
    this.table = new SlotTable(3, slotBits)
  }

  /**
   * Codes one byte. One long function with everything in local variables: it runs for every byte
   * that is modelled, and the engine keeps it in registers.
   */
  code(coder: BinaryCoder, byte: number): number {
    const { table, weights, guessCells, contexts, confidences } = this
    const { cells, slots } = table
    const guess0 = this.guesses[0] as number
    const trust0 = (confidences[0] as number) << 4
    let open0 = guess0 >= 0
    const set = this.mixSet << 8
    let node = 1
    let nibble = 1
    table.locate(contexts, 0)
    let a0 = slots[0] as number
    let a1 = slots[1] as number
    let a2 = slots[2] as number
    for (let i = 7; i >= 0; i--) {
      const c0 = cells[a0 + nibble] as number
      const c1 = cells[a1 + nibble] as number
      const c2 = cells[a2 + nibble] as number
      const s0 = cellStretch[c0 >>> 4] as number
      const s1 = cellStretch[c1 >>> 4] as number
      const s2 = cellStretch[c2 >>> 4] as number
      let t0 = 0
      let g0 = -1
      if (open0) {
        g0 = trust0 + (((guess0 >> i) & 1) << 3) + i
        t0 = cellStretch[(guessCells[g0] as number) >>> 20] as number
      }
      const w = (set + node) * 5
      let sum =
        Math.imul(s0, weights[w] as number) +
        Math.imul(s1, weights[w + 1] as number) +
        Math.imul(s2, weights[w + 2] as number) +
        Math.imul(t0, weights[w + 3] as number) +
        256 * (weights[w + 4] as number)
      sum = Math.floor(sum / 65536)
      if (sum > 3071) sum = 3071
      else if (sum < -3072) sum = -3072
      const p = squashTable[sum + 3072] as number
      const bit = coder.code((byte >> i) & 1, p)
      const error = (bit << 16) - p
      if (error > 512 || error < -512) {
        weights[w] = nudged(weights[w] as number, Math.imul(s0, error))
        weights[w + 1] = nudged(weights[w + 1] as number, Math.imul(s1, error))
        weights[w + 2] = nudged(weights[w + 2] as number, Math.imul(s2, error))
        weights[w + 3] = nudged(weights[w + 3] as number, Math.imul(t0, error))
        weights[w + 4] = nudged(weights[w + 4] as number, Math.imul(256, error))
      }
      const target = bit === 1 ? 4095 : 0
      cells[a0 + nibble] = nextCell(c0, target)
      cells[a1 + nibble] = nextCell(c1, target)
      cells[a2 + nibble] = nextCell(c2, target)
      if (g0 >= 0) {
        guessCells[g0] = moved(guessCells[g0] as number, bit << 22)
        open0 = ((guess0 >> i) & 1) === bit
      }
      node = (node << 1) | bit
      nibble = (nibble << 1) | bit
      if (i === 4) {
        table.locate(contexts, node)
        a0 = slots[0] as number
        a1 = slots[1] as number
        a2 = slots[2] as number
        nibble = 1
      }
    }
    return node & 255
  }
}
