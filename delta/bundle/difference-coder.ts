import type { BinaryCoder } from '../entropy/binary-coder.ts'
import { LightModel } from '../entropy/light-model.ts'
import { MatchHistory } from '../entropy/match-history.ts'
import { NumberModel } from '../entropy/number-model.ts'
import { deltaError } from '../errors.ts'

/**
 * Codes copies that are not exact: how many bytes are as in the old object, then the differences
 * until one is zero again, and so on.
 */
export class DifferenceCoder {
  private readonly runs = new NumberModel(16, 250)
  private readonly model: LightModel
  private readonly history: MatchHistory
  private run = -1
  private burst = 0
  private trail = 0
  private context = 0
  /** The old byte before the next one. */
  private prior = 0

  constructor(slotBits: number, historyBits: number) {
    this.model = new LightModel(slotBits)
    this.history = new MatchHistory(historyBits)
  }

  /**
   * Codes `count` differences at `at` of an operation that has `left` left, these included.
   * `old` holds the old bytes from `oldAt` on. A decoder adds what it reads to `differences`.
   */
  code(
    coder: BinaryCoder,
    old: Uint8Array,
    oldAt: number,
    differences: Uint8Array,
    at: number,
    count: number,
    left: number,
  ): void {
    let i = 0
    const { decoding } = coder
    while (i < count) {
      if (this.burst === 0) {
        if (this.run < 0) {
          const zeros = decoding ? 0 : zeroBytes(differences, at + i, left - i)
          this.run = this.runs.code(coder, this.context, zeros)
          this.context = Math.min(15, 32 - Math.clz32(this.run))
          if (this.run > left - i) {
            throw deltaError('LW_DELTA_FORMAT', { detail: 'A run is longer than its copy.' })
          }
        }
        const take = Math.min(this.run, count - i)
        i += take
        if (take > 0) this.prior = old[oldAt + i - 1] as number
        this.run -= take
        if (this.run > 0) return
        this.run = -1
        if (i === left) return
        this.burst = 1
        if (i === count) return
      }
      const before = old[oldAt + i] as number
      const wanted = decoding ? 0 : (differences[at + i] as number)
      const difference = this.codeByte(coder, wanted, before)
      if (decoding) differences[at + i] = (differences[at + i] as number) + difference
      i++
      if (difference === 0 && this.burst > 1) {
        this.burst = 0
        if (i === left) return
      } else {
        this.burst++
        if (i === left) this.burst = 0
      }
    }
  }

  private codeByte(coder: BinaryCoder, difference: number, before: number): number {
    const { model, history, trail, prior } = this
    const { contexts, guesses, confidences } = model
    const place = Math.min(7, this.burst)
    const beside = (place << 16) | (before << 8)
    contexts[0] = (place << 24) | (trail & 0xffffff)
    contexts[1] = beside | (trail & 0xff)
    contexts[2] = beside | prior
    guesses[0] = history.guess(trail)
    confidences[0] = history.confidence
    model.mixSet = place
    const coded = model.code(coder, difference)
    history.update(trail, coded)
    this.trail = (trail << 8) | coded
    this.prior = before
    return coded
  }
}

/** How many bytes from here on are zero, at most `count`. */
export function zeroBytes(bytes: Uint8Array, at: number, count: number): number {
  let i = 0
  while (i < count && bytes[at + i] === 0) i++
  return i
}
