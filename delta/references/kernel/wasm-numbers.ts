import { learnMove, moveOfNumber } from './learned-moves'
import { old } from './memory'
import { fresh, numberByte, Pass, pass } from './window'

/** Bytes of the longest LEB128 number that is followed, and of the longest that is read over. */
export const numberBytesMax: usize = 5
const readOverMax: usize = 10
/** Constants from here on are code addresses of Go: a function in the upper bits, a block below. */
export const codeAddressMin: i64 = 0x1000_0000
const blockShift: i64 = 16
/** A number that is not coded in as many bytes as it should be. */
const otherLength: i64 = i64.MIN_VALUE

/** Bytes of the number at an index of the old bytes. */
export function numberLength(at: usize): usize {
  let length: usize = 1
  while ((load<u8>(at + length - 1, old) & 128) != 0 && length < readOverMax) length++
  return length
}

/** The number of so many bytes at a place in memory. */
export function readNumber(place: usize, length: usize, signed: bool): i64 {
  let value: i64 = 0
  let shift: i64 = 0
  for (let index: usize = 0; index < length; index++, shift += 7) {
    value |= <i64>(load<u8>(place + index) & 127) << shift
  }
  const negative = signed && (load<u8>(place + length - 1) & 64) != 0
  return negative ? value - (<i64>1 << shift) : value
}

/** Whether a number takes exactly so many bytes. */
function takes(value: i64, length: usize, signed: bool): bool {
  const bits = <i64>length * 7
  if (!signed) return value >= <i64>1 << (bits - 7) && value < <i64>1 << bits
  const least: i64 = length == 1 ? 0 : <i64>1 << (bits - 8)
  return value >= least && value < <i64>1 << (bits - 1)
}

/** The new number at an index, or `otherLength`. */
function newNumber(at: usize, length: usize, signed: bool): i64 {
  const place = fresh() + at
  for (let index: usize = 0; index < length; index++) {
    const more = (load<u8>(place + index) & 128) != 0
    if (more != index < length - 1) return otherLength
  }
  return readNumber(place, length, signed)
}

/** Transforms a call or a constant with the moves of its kind; false when it is left alone. */
export function follow(at: usize, length: usize, signed: bool, moves: usize): bool {
  const value = readNumber(old + at, length, signed)
  const shift: i64 = signed && value >= codeAddressMin ? blockShift : 0
  const key = value >> shift
  const guess = value + (moveOfNumber(moves, key) << shift)
  const expected = takes(guess, length, signed) ? guess : value
  if (!takes(expected, length, signed)) return false
  let rest = expected
  for (let index: usize = 0; index < length; index++, rest >>= 7) {
    numberByte(at + index, (<u32>rest & 127) | (index < length - 1 ? 128 : 0))
  }
  const actual = newNumber(at, length, signed)
  if (actual != otherLength) learnMove(moves, key, (actual >> shift) - key)
  return true
}
