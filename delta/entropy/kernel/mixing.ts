import { move, turned } from './adaptive-bits'
import { weightBoundsAt } from './memory'

/* What the full and the light byte model share (docs/formats/bundle.md, 3.4). */

/** Sets of weights that the caller of a model chooses from. */
export const mixSets: usize = 16
const weightMax: i32 = 0x7ffff
const firstWeight: i32 = 20000
const guessVisitsMax: u32 = 1023

/** Constants that would cost more to make than to load. */
export function fillWeightBounds(): void {
  v128.store(weightBoundsAt, i32x4.splat(8192))
  v128.store(weightBoundsAt, i32x4.splat(-weightMax), 16)
  v128.store(weightBoundsAt, i32x4.splat(weightMax), 32)
}

/** The weights of a set; filled when the set is first used, which the row of node 0 shows. */
@inline
export function weightsOf(model: usize, set: u32, rowBytes: usize): usize {
  const weights = model + <usize>set * 256 * rowBytes
  if (load<i32>(weights) == 0) fillWeights(weights, rowBytes)
  return weights
}

function fillWeights(weights: usize, rowBytes: usize): void {
  const first = i32x4.splat(firstWeight)
  for (let at: usize = 0; at < 256 * rowBytes; at += 16) v128.store(weights + at, first)
}

/** The weight of the constant input after an error. */
@inline
export function nudgedConstant(weight: i32, error: i32): i32 {
  return min(weightMax, max(-weightMax, weight + ((256 * error + 8192) >> 14)))
}

/** The products of four lanes as two sums of 64 bits. */
@inline
export function pairSums(inputs: v128, weights: v128): v128 {
  const products = i32x4.mul(inputs, weights)
  return i64x2.add(i64x2.extend_low_i32x4_s(products), i64x2.extend_high_i32x4_s(products))
}

/** Four weights after an error. */
@inline
export function nudgedFour(weights: v128, inputs: v128, error: i32): v128 {
  const slope = i32x4.add(i32x4.mul(inputs, i32x4.splat(error)), v128.load(weightBoundsAt))
  const next = i32x4.add(weights, i32x4.shr_s(slope, 14))
  const least = v128.load(weightBoundsAt, 16)
  return i32x4.max_s(least, i32x4.min_s(v128.load(weightBoundsAt, 32), next))
}

/** The probability that a guess is right says so, 12 bits. */
@inline
export function guessProbability(address: usize): u32 {
  return (load<u32>(address) ^ turned) >>> 20
}

/** Lets the cell of a guess learn a bit. */
@inline
export function moveGuess(address: usize, bit: u32): void {
  const cell = load<u32>(address)
  store<u32>(address, cell + move(cell ^ turned, bit, guessVisitsMax))
}
