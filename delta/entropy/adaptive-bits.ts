import type { BinaryCoder } from './binary-coder.ts'
import type { EntropyDoors } from './entropy-kernel.ts'

/**
 * A set of adaptive probabilities, each 22 bits with a count of visits in the lower 10 bits: the
 * first visits move it much, later ones less, down to 1/`visitsMax`.
 */
export class AdaptiveBits {
  private readonly doors: EntropyDoors
  private readonly model: number
  private readonly visitsMax: number

  constructor(coder: BinaryCoder, count: number, visitsMax = 255) {
    this.doors = coder.kernel.doors
    this.model = this.doors.createBits(count)
    this.visitsMax = visitsMax
  }

  code(index: number, bit: number): number {
    return this.doors.codeAdaptive(this.model, index, bit, this.visitsMax)
  }
}
