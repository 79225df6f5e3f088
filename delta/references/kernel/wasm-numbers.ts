import { learnMove, moveOfNumber } from './learned-moves'
import { old } from './memory'
import { fieldBytes, fresh } from './window'

/** Bytes of the longest LEB128 number that is followed, and of the longest that is read over. */
export const numberBytesMax: usize = 5
const readOverMax: usize = 10
/** Constants from here on are code addresses of Go: a function in the upper bits, a block below. */
export const codeAddressMin: i64 = 0x1000_0000
const blockShift: i64 = 16
/** A number that is not coded in as many bytes as it should be. */
const otherLength: i64 = i64.MIN_VALUE

/** The bits of each byte that say whether another one follows. */
const moreBits: u64 = 0x8080_8080_8080_8080

/** Bytes of the number at an index of the old bytes. */
@inline
export function numberLength(at: usize): usize {
  return lengthAt(old + at)
}

@inline
function lengthAt(place: usize): usize {
  const ends = ~load<u64>(place) & moreBits
  return ends != 0 ? (<usize>ctz(ends) >> 3) + 1 : longLength(place)
}

/** Of numbers of more than eight bytes. */
function longLength(place: usize): usize {
  return (load<u8>(place, 8) & 128) == 0 ? 9 : readOverMax
}

/** The number of so many bytes, at most `numberBytesMax`, at a place in memory. */
export function readNumber(place: usize, length: usize, signed: bool): i64 {
  const bits = <u64>length * 7
  const bytes = load<u64>(place)
  const joined =
    (bytes & 0x7f) |
    ((bytes >> 1) & 0x3f80) |
    ((bytes >> 2) & 0x1f_c000) |
    ((bytes >> 3) & 0xfe0_0000) |
    ((bytes >> 4) & 0x7_f000_0000)
  const unused = 64 - bits
  return signed ? <i64>(joined << unused) >> <i64>unused : <i64>((joined << unused) >> unused)
}

/** The bytes of a number that takes so many. */
@inline
function coded(value: i64, length: usize): u64 {
  const v = <u64>value
  const split =
    (v & 0x7f) |
    ((v & 0x3f80) << 1) |
    ((v & 0x1f_c000) << 2) |
    ((v & 0xfe0_0000) << 3) |
    ((v & 0x7_f000_0000) << 4)
  return split | (moreBits & (((<u64>1) << (<u64>(length - 1) << 3)) - 1))
}

/** Whether a number takes exactly so many bytes. */
function takes(value: i64, length: usize, signed: bool): bool {
  const bits = <i64>length * 7
  if (!signed) return value >= <i64>1 << (bits - 7) && value < <i64>1 << bits
  const least: i64 = length == 1 ? 0 : <i64>1 << (bits - 8)
  return value >= least && value < <i64>1 << (bits - 1)
}

/** The new number at an index, or `otherLength`. */
@inline
function newNumber(at: usize, length: usize, signed: bool): i64 {
  const place = fresh() + at
  return lengthAt(place) == length ? readNumber(place, length, signed) : otherLength
}

/** Transforms a call or a constant with the moves of its kind; false when it is left alone. */
export function follow(at: usize, length: usize, signed: bool, moves: usize): bool {
  const value = readNumber(old + at, length, signed)
  const shift: i64 = signed && value >= codeAddressMin ? blockShift : 0
  const key = value >> shift
  const guess = value + (moveOfNumber(moves, key) << shift)
  const expected = takes(guess, length, signed) ? guess : value
  if (!takes(expected, length, signed)) return false
  fieldBytes(at, length, coded(expected, length))
  const actual = newNumber(at, length, signed)
  if (actual != otherLength) learnMove(moves, key, (actual >> shift) - key)
  return true
}
