import type { BinaryCoder } from '../entropy/binary-coder.ts'
import { HazardModel } from '../entropy/hazard-model.ts'
import { NumberModel } from '../entropy/number-model.ts'
import type { Trail } from './trail.ts'

/** Codes exact copies whose end is said byte by byte. */
export class CopyCoder {
  private readonly hazards = new HazardModel()
  private readonly skips = new NumberModel(1)
  private length = 0

  /** Begins a copy: codes how many whole units of bytes it surely has and returns those bytes. */
  begin(coder: BinaryCoder, unitBits: number, length: number): number {
    this.length = 0
    if (unitBits === 0) return 0
    const unit = 2 ** unitBits
    return this.skips.code(coder, 0, Math.floor(length / unit)) * unit
  }

  /** Tells that `count` bytes of the copy went by without a decision. */
  skipped(count: number): void {
    this.length += count
  }

  /**
   * Copies from `old` to `output` until the copy ends, at most `count` bytes; `wanted` is how many
   * bytes it still has when that is known. Returns the bytes copied; fewer than `count` when it ended.
   */
  code(
    coder: BinaryCoder,
    trail: Trail,
    old: Uint8Array,
    oldAt: number,
    output: Uint8Array,
    at: number,
    count: number,
    wanted: number,
  ): number {
    const { hazards } = this
    let { recent, earlier } = trail
    let { length } = this
    let i = 0
    for (; i < count; i++) {
      const next = old[oldAt + i] as number
      if (hazards.code(coder, i === wanted ? 1 : 0, recent, earlier, next, length) === 1) break
      output[at + i] = next
      earlier = (earlier << 8) | (recent >>> 24)
      recent = (recent << 8) | next
      length++
    }
    trail.recent = recent
    trail.earlier = earlier
    this.length = length
    return i
  }
}
