import { given, old, result } from './memory'

/** What is done with a window: one of the two directions of the transform, or labelling. */
export const enum Pass {
  /** New bytes become differences. */
  difference,
  /** Differences become new bytes. */
  restore,
  /** References are replaced by the addresses that they mean, for a second matching. */
  label,
}

export let pass: Pass = Pass.difference
/** Index after the last byte of the window. */
export let end: usize = 0
/** Old bytes before the stretch at hand that belong to the same region. */
export let lead: usize = 0
/** Positions of index 0. */
export let oldPosition: i64 = 0
export let newPosition: i64 = 0
/** Addresses of index 0; they hold for the stretch at hand. */
export let oldAddress: i64 = 0
export let newAddress: i64 = 0

export function openWindow(what: Pass, length: usize, oldAt: i64, newAt: i64): void {
  pass = what
  end = length
  oldPosition = oldAt
  newPosition = newAt
}

export function setAddresses(oldAt: i64, newAt: i64, known: usize): void {
  oldAddress = oldAt
  newAddress = newAt
  lead = known
}

@inline
export function old8(at: usize): u32 {
  return load<u8>(at, old)
}

@inline
export function old32(at: usize): i32 {
  return load<i32>(at, old)
}

/** Transforms a word whose new value is expected; returns its real new value. */
export function field32(at: usize, expected: i32): i32 {
  if (pass == Pass.restore) {
    const written = load<i32>(at, given) + expected
    store<i32>(at, written, result)
    return written
  }
  if (pass == Pass.label) {
    store<i32>(at, expected, result)
    return expected
  }
  const read = load<i32>(at, given)
  store<i32>(at, read - expected, result)
  return read
}

/** Transforms a byte; returns its real new value with its sign. */
export function field8(at: usize, expected: i32): i32 {
  const read = <i32>load<u8>(at, given)
  const written = pass == Pass.restore ? read + expected : read - expected
  store<u8>(at, written, result)
  return <i32>(<i8>(pass == Pass.restore ? written : read))
}

/**
 * Transforms up to eight bytes, each on its own, whose new values are expected: a WebAssembly
 * number. Labels mask them, since no map tells what they mean, down to where they end.
 */
export function fieldBytes(at: usize, length: usize, expected: u64): void {
  const taken = u64.MAX_VALUE >> (64 - (<u64>length << 3))
  const read = load<u64>(at, given)
  let written = expected & signBits
  if (pass == Pass.restore) written = sumOfBytes(read, expected)
  else if (pass == Pass.difference) written = differenceOfBytes(read, expected)
  store<u64>(at, (written & taken) | (load<u64>(at, result) & ~taken), result)
}

/** The highest bit of each byte, which keeps sums of bytes apart. */
const signBits: u64 = 0x8080_8080_8080_8080

@inline
function sumOfBytes(a: u64, b: u64): u64 {
  return ((a & ~signBits) + (b & ~signBits)) ^ ((a ^ b) & signBits)
}

@inline
function differenceOfBytes(a: u64, b: u64): u64 {
  return ((a | signBits) - (b & ~signBits)) ^ ((a ^ ~b) & signBits)
}

/** The buffer that holds the new bytes of fields that were transformed. */
export function fresh(): usize {
  return pass == Pass.restore ? result : given
}

/** New address of an index: what distances count from. Labels do not count from anywhere. */
export function here(at: usize): i64 {
  return pass == Pass.label ? 0 : newAddress + <i64>at
}
