import { covered, moveOf } from './address-map'
import { biases, biasesEnd, learned, learnedSlots } from './memory'
import { hashed, unknown } from './numbers'

const biasPageShift: i64 = 10
const biasMax: i64 = 65_536

/**
 * Where references point after the change: what earlier references of the same target showed,
 * else the map; between the pieces of the map, what earlier references nearby showed. Learns only
 * from new bytes that both sides have already.
 *
 * A slot holds the complements of target and move: one that was never written reads as the target
 * -1, moved by -1, which is what the format starts from.
 */
// @ts-ignore: decorator
@inline
function slotOf(target: i64): usize {
  return learned + (<usize>(hashed(target) & (learnedSlots - 1)) << 4)
}

// @ts-ignore: decorator
@inline
function biasOf(target: i64): usize {
  return biases + (<usize>((target >> biasPageShift) & (learnedSlots - 1)) << 3)
}

/** The new address of an old one, or `unknown`. */
export function predict(target: i64): i64 {
  const slot = slotOf(target)
  if (load<i64>(slot) == ~target) return target + ~load<i64>(slot, 8)
  const move = moveOf(target)
  if (move == unknown) return unknown
  return covered ? target + move : target + move + load<i64>(biasOf(target))
}

/** What an earlier reference of the same target showed; `unknown` when there was none. */
export function known(target: i64): i64 {
  const slot = slotOf(target)
  return load<i64>(slot) == ~target ? target + ~load<i64>(slot, 8) : unknown
}

/** A reference to `target` turned out to point to `found`. */
export function learn(target: i64, found: i64): void {
  const slot = slotOf(target)
  store<i64>(slot, ~target)
  store<i64>(slot, ~(found - target), 8)
  const move = moveOf(target)
  if (covered || move == unknown) return
  const bias = found - target - move
  if (bias > -biasMax && bias < biasMax) store<i64>(biasOf(target), bias)
}

export function forgetTargets(): void {
  memory.fill(learned, 0, biasesEnd - learned)
}
