import { pairs } from './memory'

/**
 * Addresses that an adrp began in the window at hand, by register: its index + 1 (0 when there is
 * none), the old target, where that is expected, and the page that the adrp really has.
 */
const pairBytes: usize = 32
const registers: usize = 32
const targetAt: usize = 8
const movedAt: usize = 16
const pageAt: usize = 24

export function clearPairs(): void {
  memory.fill(pairs, 0, registers * pairBytes)
}

export function beginPair(register: u32, at: usize, target: i64, moved: i64): void {
  const pair = pairs + <usize>register * pairBytes
  store<usize>(pair, at + 1)
  store<i64>(pair, target, targetAt)
  store<i64>(pair, moved, movedAt)
}

export function settlePair(register: u32, page: i64): void {
  store<i64>(pairs + <usize>register * pairBytes, page, pageAt)
}

/** The address that a register holds at most `reach` bytes after it was begun; 0 for none. */
export function pairOf(register: u32, at: usize, reach: usize): usize {
  const pair = pairs + <usize>register * pairBytes
  const begun = load<usize>(pair)
  return begun != 0 && at >= begun && at + 1 - begun <= reach ? pair : 0
}

@inline
export function pairTarget(pair: usize): i64 {
  return load<i64>(pair, targetAt)
}

@inline
export function pairMoved(pair: usize): i64 {
  return load<i64>(pair, movedAt)
}

@inline
export function pairPage(pair: usize): i64 {
  return load<i64>(pair, pageAt)
}
