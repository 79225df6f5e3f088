import { covered, moveOf } from './address-map'
import { biases, biasesEnd, learned, learnedSlots, usedSlots } from './memory'
import { hashed, unknown } from './numbers'

const biasPageShift: i64 = 10
const biasMax: i64 = 65_536

/**
 * Where references point after the change: what earlier references of the same target showed,
 * else the map; between the pieces of the map, what earlier references nearby showed. Learns only
 * from new bytes that both sides have already.
 *
 * Few slots are ever used, and their bits fit into the caches of a processor, unlike the slots.
 */
@inline
function slotOf(target: i64): u32 {
  return hashed(target) & (learnedSlots - 1)
}

@inline
function isUsed(slot: u32): bool {
  return ((load<u32>(usedSlots + ((<usize>slot >> 5) << 2)) >> (slot & 31)) & 1) != 0
}

@inline
function moveIn(slot: u32, target: i64): i64 {
  const at = learned + (<usize>slot << 4)
  return load<i64>(at) == target ? load<i64>(at, 8) : unknown
}

function remember(target: i64, move: i64): void {
  const slot = slotOf(target)
  const bits = usedSlots + ((<usize>slot >> 5) << 2)
  store<u32>(bits, load<u32>(bits) | (1 << (slot & 31)))
  store<i64>(learned + (<usize>slot << 4), target)
  store<i64>(learned + (<usize>slot << 4), move, 8)
}

@inline
function biasOf(target: i64): usize {
  return biases + (<usize>((target >> biasPageShift) & (learnedSlots - 1)) << 3)
}

/** The new address of an old one, or `unknown`. */
export function predict(target: i64): i64 {
  const seen = known(target)
  if (seen != unknown) return seen
  const move = moveOf(target)
  if (move == unknown) return unknown
  return covered ? target + move : target + move + load<i64>(biasOf(target))
}

/** What an earlier reference of the same target showed; `unknown` when there was none. */
@inline
export function known(target: i64): i64 {
  const slot = slotOf(target)
  if (!isUsed(slot)) return unknown
  const move = moveIn(slot, target)
  return move == unknown ? unknown : target + move
}

/** A reference to `target` turned out to point to `found`. */
export function learn(target: i64, found: i64): void {
  remember(target, found - target)
  const move = moveOf(target)
  if (covered || move == unknown) return
  const bias = found - target - move
  if (bias <= -biasMax || bias >= biasMax) return
  store<i64>(biasOf(target), bias)
  biased = true
}

/** Whether a bias was learned. */
let biased = false

/** Begins with nothing learned. */
export function forgetTargets(): void {
  memory.fill(usedSlots, 0, <usize>learnedSlots >> 3)
  if (biased) memory.fill(biases, 0, biasesEnd - biases)
  biased = false
}
