import { copyLength, copyNewPosition, copyOldPosition, hasCopy } from './copies'
import { isLocal } from './images'
import { unknown } from './numbers'
import { relative32 } from './references'
import { known, learn, predict } from './targets'
import {
  field32,
  field8,
  newAddress,
  newPosition,
  old32,
  old8,
  oldAddress,
  oldPosition,
  Pass,
  pass,
} from './window'

/** Copies before and after the one at hand that may hold the target of a jump. */
const copiesAsked = 8
/** Bytes that a jump inside a function may become longer or shorter. */
const stretchMax: i64 = 2048
/** Distances beyond this leave the function. */
const nearMax = 65_536

let copyIndex: i32 = 0

/** Says which copy the window belongs to. */
export function setCopy(index: i32): void {
  copyIndex = index
}

@inline
function stretches(found: i64, distance: i32): bool {
  const change = found - <i64>distance
  return change <= stretchMax && change >= -stretchMax
}

/**
 * Where a jump inside a function goes. Functions stay together though their parts may have been
 * copied from several places: so the copies before and after this one are asked first.
 */
function jumped(anchor: usize, distance: i32): i32 {
  const target = oldAddress + <i64>anchor + <i64>distance
  if (isLocal(target)) return distance
  const from = newAddress + <i64>anchor
  const seen = known(target)
  if (seen != unknown && stretches(seen - from, distance)) return <i32>(seen - from)
  const position = oldPosition + <i64>anchor + <i64>distance
  const step = distance < 0 ? -1 : 1
  for (let near = 1, index = copyIndex + step; near <= copiesAsked; near++, index += step) {
    if (!hasCopy(index)) break
    const into = position - copyOldPosition(index)
    if (into < 0 || into >= copyLength(index)) continue
    const there = copyNewPosition(index) + into - newPosition - <i64>anchor
    if (stretches(there, distance)) return <i32>there
  }
  const predicted = predict(target)
  if (predicted == unknown || !stretches(predicted - from, distance)) return distance
  return <i32>(predicted - from)
}

function landed(anchor: usize, distance: i32, expected: i32, actual: i32): void {
  if (actual == expected) return
  const target = oldAddress + <i64>anchor + <i64>distance
  if (isLocal(target) || !stretches(<i64>actual, distance)) return
  learn(target, newAddress + <i64>anchor + <i64>actual)
}

/** A 32-bit jump; false when it leaves the function or the image. */
export function near32(at: usize, anchor: usize): bool {
  const distance = old32(at)
  if (pass == Pass.label || distance > nearMax || distance < -nearMax) return relative32(at, anchor)
  const expected = jumped(anchor, distance)
  landed(anchor, distance, expected, field32(at, expected))
  return true
}

/** A short jump, from the byte after it; one inside of what the copy moves stays as it is. */
export function near8(at: usize): void {
  const distance = <i32>(<i8>old8(at))
  const anchor = at + 1
  if (pass == Pass.label || isLocal(oldAddress + <i64>anchor + <i64>distance)) return
  const moved = jumped(anchor, distance)
  const expected = moved >= -128 && moved < 128 ? moved : distance
  landed(anchor, distance, expected, field8(at, expected))
}
