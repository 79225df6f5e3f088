import { advanceOutput, forgetRecent } from './output'
import { beginPlaces } from './places'

/* How far the file is that is being decoded. */

let size: i64 = 0
/** Bytes of the file that are still to come. */
let left: i64 = 0
/** Where the next old byte lies in the pool, -1 when there is no such place. */
let place: i64 = -1
let bulk = false

/** A file begins; its literals come from the bulk stream or not. */
export function beginFileState(bytes: i64, predecessor: i64, limit: i64, bulkLiterals: bool): void {
  forgetRecent()
  beginPlaces(max<i64>(0, predecessor), limit)
  size = bytes
  bulk = bulkLiterals
  rewindFile(predecessor)
}

/** Goes back to the beginning of the file. */
export function rewindFile(predecessor: i64): void {
  left = size
  place = predecessor
}

@inline
export function fileLeft(): i64 {
  return left
}

/** Bytes of the file so far. */
@inline
export function fileDone(): i64 {
  return size - left
}

@inline
export function oldPlace(): i64 {
  return place
}

@inline
export function setOldPlace(position: i64): void {
  place = position
}

@inline
export function literalsAreBulk(): bool {
  return bulk
}

/** So many bytes of the file are said. */
@inline
export function spendFile(count: i64): void {
  left -= count
}

/** So many bytes were written at `outputNext`. */
@inline
export function advanceFile(count: u32): void {
  advanceOutput(count)
  left -= count
}
