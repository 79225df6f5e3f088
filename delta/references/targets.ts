import type { AddressMap } from './address-map.ts'
import { referenceLimits } from './limits.ts'

const slots = referenceLimits.learnedSlots
const pageBytes = 1024
const biasMax = 65_536

/**
 * Where references point after the change: what earlier references of the same target showed,
 * else the map; between the pieces of the map, what earlier references nearby showed. Learns only
 * from new bytes that both sides have already.
 */
export class Targets {
  private readonly map: AddressMap
  /** Target and move of each slot side by side: one look into far memory for both. */
  private readonly learned = new Float64Array(2 * slots).fill(-1)
  private readonly biases = new Float64Array(slots)

  constructor(map: AddressMap) {
    this.map = map
  }

  /** The new address of an old one; NaN when nothing is known. */
  predict(target: number): number {
    const slot = slotOf(target)
    if (this.learned[slot] === target) return target + (this.learned[slot + 1] as number)
    const move = this.map.delta(target)
    if (this.map.covered) return target + move
    return target + move + (this.biases[pageOf(target)] as number)
  }

  /** What an earlier reference of the same target showed; NaN when there was none. */
  known(target: number): number {
    const slot = slotOf(target)
    const { learned } = this
    return learned[slot] === target ? target + (learned[slot + 1] as number) : Number.NaN
  }

  /** A reference to `target` turned out to point to `found`. */
  learn(target: number, found: number): void {
    const slot = slotOf(target)
    this.learned[slot] = target
    this.learned[slot + 1] = found - target
    const bias = found - target - this.map.delta(target)
    if (!this.map.covered && Math.abs(bias) < biasMax) this.biases[pageOf(target)] = bias
  }
}

function slotOf(target: number): number {
  return ((Math.imul(target, 0x9e3779b1) >>> 0) % slots) * 2
}

function pageOf(target: number): number {
  return Math.floor(target / pageBytes) % slots
}
