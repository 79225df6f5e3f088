import { clampProbability, untouched } from './adaptive-bits.ts'
import type { BinaryCoder } from './binary-coder.ts'
import { squashTable, stepTable, stretchTable } from './logistic.ts'

/** Contexts that a byte is predicted from. */
export const contextCount = 6
const inputCount = contextCount + 3
const expectedVisitsMax = 1023
/** Sets of mixing weights that the caller chooses from. */
export const mixSets = 16

/**
 * Predicts bytes bit by bit from six hashed contexts and two guesses of the whole byte, mixes the
 * predictions in the logistic domain with weights that learn, and codes the bits.
 * The caller sets `contexts`, `guesses`, `confidences` and `mixSet` before each byte.
 */
export class ByteModel {
  /** Hashes of the six contexts of the next byte. */
  readonly contexts = new Int32Array(contextCount)
  /** Two guesses of the next byte, or -1. */
  readonly guesses = new Int32Array(2)
  /** How far to trust the guesses: 0 to 31. */
  readonly confidences = new Int32Array(2)
  mixSet = 0

  private readonly cells: Uint16Array
  private readonly shift: number
  private readonly guessCells = new Int32Array(2 * 32 * 2 * 8).fill(untouched)
  private readonly weights: Int32Array
  private readonly refineCells: Uint16Array
  private readonly learning: number
  private readonly slots = new Int32Array(contextCount)

  /** `slotBits`: logarithm of the slots (16 cells of 4 bytes) of each context. */
  constructor(slotBits: number, learning = 15) {
    this.shift = 32 - slotBits
    this.cells = new Uint16Array(contextCount << (slotBits + 4)).fill(0x8000)
    this.weights = new Int32Array(mixSets * 256 * inputCount).fill(20000)
    this.refineCells = makeRefineCells(256)
    this.learning = learning
  }

  /**
   * Codes one byte. One long function with everything in local variables: it runs for every byte
   * that is modelled, and the engine keeps it in registers.
   */
  code(coder: BinaryCoder, byte: number): number {
    const { cells, weights, guessCells, slots, refineCells } = this
    const guess0 = this.guesses[0] as number
    const guess1 = this.guesses[1] as number
    const set = this.mixSet * 256
    let open0 = guess0 >= 0
    let open1 = guess1 >= 0
    const learning = this.learning
    let node = 1
    let nibble = 1
    this.locate(0)
    let a0 = slots[0] as number
    let a1 = slots[1] as number
    let a2 = slots[2] as number
    let a3 = slots[3] as number
    let a4 = slots[4] as number
    let a5 = slots[5] as number
    for (let i = 7; i >= 0; i--) {
      const c0 = cells[a0 + nibble] as number
      const c1 = cells[a1 + nibble] as number
      const c2 = cells[a2 + nibble] as number
      const c3 = cells[a3 + nibble] as number
      const c4 = cells[a4 + nibble] as number
      const c5 = cells[a5 + nibble] as number
      const s0 = stretchTable[c0 & 0xfff0] as number
      const s1 = stretchTable[c1 & 0xfff0] as number
      const s2 = stretchTable[c2 & 0xfff0] as number
      const s3 = stretchTable[c3 & 0xfff0] as number
      const s4 = stretchTable[c4 & 0xfff0] as number
      const s5 = stretchTable[c5 & 0xfff0] as number
      let s6 = 0
      let s7 = 0
      let g0 = -1
      let g1 = -1
      if (open0) {
        const bit = (guess0 >> i) & 1
        g0 = (((this.confidences[0] as number) << 1) | bit) * 8 + i
        s6 = stretchTable[(guessCells[g0] as number) >>> 16] as number
      }
      if (open1) {
        const bit = (guess1 >> i) & 1
        g1 = 512 + (((this.confidences[1] as number) << 1) | bit) * 8 + i
        s7 = stretchTable[(guessCells[g1] as number) >>> 16] as number
      }
      const w = (set + node) * inputCount
      let sum =
        Math.imul(s0, weights[w] as number) +
        Math.imul(s1, weights[w + 1] as number) +
        Math.imul(s2, weights[w + 2] as number) +
        Math.imul(s3, weights[w + 3] as number) +
        Math.imul(s4, weights[w + 4] as number) +
        Math.imul(s5, weights[w + 5] as number) +
        Math.imul(s6, weights[w + 6] as number) +
        Math.imul(s7, weights[w + 7] as number) +
        256 * (weights[w + 8] as number)
      sum = Math.floor(sum / 65536)
      if (sum > 3071) sum = 3071
      else if (sum < -3072) sum = -3072
      const p = squashTable[sum + 3072] as number
      // Refinement: what really happened when the mixer said this, by position in the byte.
      const bucket = (sum + 3072) >> 7
      const refine = node * 64 + bucket
      const refined = refineCells[refine] as number
      const final = clampProbability((p * 3 + refined) >> 2)
      const bit = coder.code((byte >> i) & 1, final)
      refineCells[refine] = refined + ((((bit << 16) - bit - refined) >> 6) | 0)

      const error = (bit << 16) - p
      if (error > 512 || error < -512) {
        weights[w] = nudge(weights[w] as number, s0, error, learning)
        weights[w + 1] = nudge(weights[w + 1] as number, s1, error, learning)
        weights[w + 2] = nudge(weights[w + 2] as number, s2, error, learning)
        weights[w + 3] = nudge(weights[w + 3] as number, s3, error, learning)
        weights[w + 4] = nudge(weights[w + 4] as number, s4, error, learning)
        weights[w + 5] = nudge(weights[w + 5] as number, s5, error, learning)
        weights[w + 6] = nudge(weights[w + 6] as number, s6, error, learning)
        weights[w + 7] = nudge(weights[w + 7] as number, s7, error, learning)
        weights[w + 8] = nudge(weights[w + 8] as number, 256, error, learning)
      }
      const target = bit << 22
      cells[a0 + nibble] = cellTable[(c0 << 1) | bit] as number
      cells[a1 + nibble] = cellTable[(c1 << 1) | bit] as number
      cells[a2 + nibble] = cellTable[(c2 << 1) | bit] as number
      cells[a3 + nibble] = cellTable[(c3 << 1) | bit] as number
      cells[a4 + nibble] = cellTable[(c4 << 1) | bit] as number
      cells[a5 + nibble] = cellTable[(c5 << 1) | bit] as number
      if (g0 >= 0) {
        guessCells[g0] = moved(guessCells[g0] as number, target, expectedVisitsMax)
        open0 = ((guess0 >> i) & 1) === bit
      }
      if (g1 >= 0) {
        guessCells[g1] = moved(guessCells[g1] as number, target, expectedVisitsMax)
        open1 = ((guess1 >> i) & 1) === bit
      }
      node = (node << 1) | bit
      nibble = (nibble << 1) | bit
      if (i === 4) {
        this.locate(node)
        a0 = slots[0] as number
        a1 = slots[1] as number
        a2 = slots[2] as number
        a3 = slots[3] as number
        a4 = slots[4] as number
        a5 = slots[5] as number
        nibble = 1
      }
    }
    return node & 255
  }

  /** Finds the slots of the six contexts for the first (node 0) or second half of the byte. */
  private locate(node: number): void {
    const { cells, contexts, slots, shift } = this
    for (let i = 0; i < contextCount; i++) {
      let hash = Math.imul((contexts[i] as number) + Math.imul(node, 0x3d4d51cb), 0x9e3779b1)
      hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
      const slot = ((hash >>> shift) << 4) + (i << (36 - shift))
      slots[i] = slot
      const check = hash & 0xffff
      if (cells[slot] !== check) {
        for (let j = slot + 1; j < slot + 16; j++) cells[j] = 0x8000
        cells[slot] = check
      }
    }
  }
}

/**
 * The next state of a cell (12 bits of probability, 4 bits of visits) after a bit, at index
 * cell * 2 + bit.
 */
const cellTable = makeCellTable()

function makeCellTable(): Uint16Array {
  const table = new Uint16Array(1 << 17)
  for (let cell = 0; cell < 65536; cell++) {
    const visits = cell & 15
    const p = cell >>> 4
    const step = Math.floor(65536 / (visits + 1.5))
    for (let bit = 0; bit < 2; bit++) {
      const move = Math.trunc(((bit * 4095 - p) * step) / 65536)
      table[cell * 2 + bit] = ((p + move) << 4) | Math.min(15, visits + 1)
    }
  }
  return table
}

function moved(cell: number, target: number, limit: number): number {
  const visits = cell & 1023
  const move = Math.imul((target - (cell >>> 10)) >> 3, stepTable[visits] as number) & 0xfffffc00
  return (cell + move + (visits < limit ? 1 : 0)) | 0
}

const weightMax = 0x7ffff

function nudge(weight: number, input: number, error: number, learning: number): number {
  const next = weight + ((Math.imul(input, error) + (1 << (learning - 1))) >> learning)
  return Math.min(weightMax, Math.max(-weightMax, next))
}

function makeRefineCells(nodes: number): Uint16Array {
  const cells = new Uint16Array(nodes * 64)
  for (let i = 0; i < cells.length; i++) {
    cells[i] = squashTable[Math.min(6143, (i & 63) * 128 + 64)] as number
  }
  return cells
}
