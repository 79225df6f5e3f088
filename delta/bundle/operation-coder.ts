import { AdaptiveBits } from '../entropy/adaptive-bits.ts'
import type { BinaryCoder } from '../entropy/binary-coder.ts'
import { NumberModel } from '../entropy/number-model.ts'
import { deltaError } from '../errors.ts'

const recentMax = 4
const kinds = 3 + recentMax

/**
 * Codes where copies begin. A place is said as: the literals replaced as many old bytes; they were
 * inserted; the distance between old and new is one of the last four; or a signed step.
 */
export class OperationCoder {
  private readonly literals = new NumberModel(4, 250)
  private readonly copies = new NumberModel(4, 250)
  private readonly steps = new NumberModel(2, 250)
  private readonly kindBits = new AdaptiveBits(kinds * 4 * kinds, 250)
  private readonly recent = new Float64Array(recentMax)
  /** How the last place was said. */
  lastKind = 0
  private limit = 0

  /** A file begins whose predecessor, if any, lies at `start`; copies come from before `limit`. */
  beginFile(start: number, limit: number): void {
    this.limit = limit
    this.recent.fill(start)
    this.lastKind = 0
  }

  codeLiterals(coder: BinaryCoder, count: number, left: number): number {
    const coded = this.literals.code(coder, Math.min(3, this.lastKind), count)
    if (coded > left) throw deltaError('LW_DELTA_FORMAT', { detail: 'Literals beyond the file.' })
    return coded
  }

  /** The bytes of an inexact copy; zero stands for all that is left of the file. */
  codeCopy(coder: BinaryCoder, count: number, left: number): number {
    const coded = this.copies.code(coder, Math.min(3, this.lastKind), count === left ? 0 : count)
    const result = coded === 0 ? left : coded
    if (result > left) throw deltaError('LW_DELTA_FORMAT', { detail: 'A copy beyond the file.' })
    return result
  }

  /**
   * Codes the place of the next copy. `end` is where the last copy ended in the base, `literals` how
   * many bytes came since, `at` how far the file is.
   */
  codePlace(
    coder: BinaryCoder,
    place: {
      readonly from: number
      readonly end: number
      readonly literals: number
      readonly at: number
    },
  ): number {
    const { from, end, literals, at } = place
    const { recent } = this
    const wanted = this.kindOf(from, end, literals, at)
    const kind = this.codeKind(coder, wanted)
    let result: number
    if (kind === 0) result = end + literals
    else if (kind === 1) result = end
    else if (kind === 2) {
      result =
        end + literals + this.steps.codeSigned(coder, Math.min(1, literals), from - end - literals)
    } else result = (recent[kind - 3] as number) + at
    if (!(result >= 0 && result < this.limit)) {
      throw deltaError('LW_DELTA_FORMAT', { detail: 'A copy from outside the base.' })
    }
    this.lastKind = kind
    this.remember(result - at)
    return result
  }

  private kindOf(from: number, end: number, literals: number, at: number): number {
    if (from === end + literals) return 0
    if (from === end) return 1
    for (let i = 0; i < recentMax; i++) if (this.recent[i] === from - at) return 3 + i
    return 2
  }

  private codeKind(coder: BinaryCoder, wanted: number): number {
    const context = this.lastKind * kinds
    for (let kind = 0; kind < kinds - 1; kind++) {
      if (this.kindBits.code(coder, context + kind, wanted === kind ? 1 : 0) === 1) return kind
    }
    return kinds - 1
  }

  private remember(distance: number): void {
    const { recent } = this
    let i = 0
    while (i < recentMax - 1 && recent[i] !== distance) i++
    for (; i > 0; i--) recent[i] = recent[i - 1] as number
    recent[0] = distance
  }
}
