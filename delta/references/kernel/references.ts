import {
  inNewImage,
  inOldImage,
  isLocal,
  newImageBase,
  newImageStart,
  oldImageBase,
  oldImageStart,
} from './images'
import { old } from './memory'
import { unknown } from './numbers'
import { learn, predict } from './targets'
import { field32, newAddress, old32, oldAddress, Pass, pass } from './window'

/**
 * Where an old target will be, or `unknown`. Targets that move along with the field itself stay as
 * far away as they are.
 */
export function moved(target: i64): i64 {
  return isLocal(target) ? target - oldAddress + newAddress : predict(target)
}

/** Tells what a target became, when the expectation failed. */
export function found(target: i64, expected: i64, actual: i64): void {
  if (actual == expected || pass == Pass.label) return
  if (!isLocal(target) && inNewImage(actual)) learn(target, actual)
}

/** Writes the address that a reference means in place of how it is reached from there. */
function label(at: usize, target: i64): bool {
  if (!inOldImage(target)) return false
  const moved = predict(target)
  field32(at, <i32>(moved == unknown ? target : moved))
  return true
}

/**
 * A word that counts from `anchor` bytes after index 0: distances of x86, .eh_frame. Returns false,
 * and leaves the word alone, when it does not look like one; so do the others.
 */
export function relative32(at: usize, anchor: usize): bool {
  const target = oldAddress + <i64>anchor + <i64>old32(at)
  if (pass == Pass.label) return label(at, target)
  if (!inOldImage(target)) return false
  const expected = moved(target)
  if (expected == unknown) return false
  const from = newAddress + <i64>anchor
  const actual = field32(at, <i32>(expected - from))
  found(target, expected, from + <i64>actual)
  return true
}

/** A word that counts from a base whose old and new addresses are known. */
export function based32(at: usize, oldBase: i64, newBase: i64): bool {
  const target = oldBase + <i64>old32(at)
  if (pass == Pass.label) return label(at, target)
  if (!inOldImage(target)) return false
  const expected = moved(target)
  if (expected == unknown) return false
  const actual = field32(at, <i32>(expected - newBase))
  found(target, expected, newBase + <i64>actual)
  return true
}

/** A 64-bit pointer; those far from the image wrap around to where no image is. */
export function pointer64(at: usize): bool {
  const target = load<i64>(at, old) - oldImageBase + oldImageStart
  if (pass == Pass.label) return label(at, target)
  if (!inOldImage(target)) return false
  const expected = moved(target)
  if (expected == unknown) return false
  const absolute = expected - newImageStart + newImageBase
  const low = field32(at, <i32>absolute)
  const high = field32(at + 4, <i32>(absolute >> 32))
  const actual = (<i64>high << 32) | <i64>(<u32>low)
  found(target, expected, actual - newImageBase + newImageStart)
  return true
}
