import type { BinaryCoder } from './binary-coder.ts'
import { stepTable } from './logistic.ts'

/** Where every probability starts: one half, never visited. */
export const untouched = 0x80000000 | 0

/**
 * A set of adaptive probabilities, each 22 bits with a count of visits in the lower 10 bits: the
 * first visits move it much, later ones less, down to 1/`visitsMax`.
 */
export class AdaptiveBits {
  private readonly cells: Int32Array
  private readonly visitsMax: number

  constructor(count: number, visitsMax = 255) {
    this.cells = new Int32Array(count).fill(untouched)
    this.visitsMax = visitsMax
  }

  code(coder: BinaryCoder, index: number, bit: number): number {
    const cell = this.cells[index] as number
    const p = cell >>> 10
    const coded = coder.code(bit, clampProbability(p >>> 6))
    const visits = cell & 1023
    const move = Math.imul(((coded << 22) - p) >> 3, stepTable[visits] as number) & 0xfffffc00
    this.cells[index] = (cell + move + (visits < this.visitsMax ? 1 : 0)) | 0
    return coded
  }
}

export function clampProbability(p: number): number {
  return Math.min(65534, Math.max(1, p))
}
