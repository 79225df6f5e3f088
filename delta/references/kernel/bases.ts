import { bases } from './memory'

/** Pairs of an old and a new address, 64 bits each, that words may count from. */
const baseBytes: usize = 16
const basesMax: u32 = 64

let count: u32 = 0

export function addBase(oldAddress: f64, newAddress: f64): void {
  if (count == basesMax) unreachable()
  const base = baseOf(count++)
  store<i64>(base, <i64>oldAddress)
  store<i64>(base, <i64>newAddress, 8)
}

export function hasBase(number: u32): bool {
  return number < count
}

@inline
export function baseOf(number: u32): usize {
  return bases + <usize>number * baseBytes
}

@inline
export function oldBase(base: usize): i64 {
  return load<i64>(base)
}

@inline
export function newBase(base: usize): i64 {
  return load<i64>(base, 8)
}
