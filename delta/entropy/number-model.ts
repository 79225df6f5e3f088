import type { BinaryCoder } from './binary-coder.ts'
import type { EntropyDoors } from './entropy-kernel.ts'

const visitsMax = 60

/**
 * Whole numbers from 0 to 2^52: the count of their binary digits as a run of adaptive bits, the
 * three digits after the first one adaptive, the others plain. `context` selects a set of statistics.
 */
export class NumberModel {
  private readonly doors: EntropyDoors
  private readonly model: number

  constructor(coder: BinaryCoder, contexts: number) {
    this.doors = coder.kernel.doors
    this.model = this.doors.createNumbers(contexts)
  }

  /** @throws LW_DELTA_FORMAT for a number of more than 53 digits */
  code(context: number, value: number): number {
    return this.doors.codeWhole(this.model, context, value, visitsMax)
  }

  /** Numbers of either sign. */
  codeSigned(context: number, value: number): number {
    return this.doors.codeWholeSigned(this.model, context, value, visitsMax)
  }
}
