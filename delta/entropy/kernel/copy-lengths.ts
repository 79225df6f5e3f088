import { codeCell, move, probability } from './adaptive-bits'
import { allocate, costsAt } from './memory'
import { codeNumber, numberBytes } from './numbers'
import { copyBeyondFile, stop } from './outside'
import { codeBit } from './range-coder'

/*
 * How long exact copies are (docs/formats/bundle.md, 8): by their number of bytes, or "until a mark that ends it".
 * Where a copy ended, the old bytes around leave a mark; what changes in the same way again and again
 * costs next to nothing.
 */

const markBits: u32 = 16
const marksMost: u32 = 255
const waysMost: u32 = 60
const lengthsMost: u32 = 250
/** What a mark says at first of the copies that come by: one in four ends. */
const freshMark: u32 = 0x40000001
/** Bytes between two looks at whether a copy goes on. */
const strideBytes: u32 = 1024

let ways: usize = 0
let lengths: usize = 0
let marks: usize = 0
let lastWay: u32 = 0

export function createCopyLengths(): void {
  ways = allocate(8 * 4)
  lengths = allocate(numberBytes(4))
  marks = allocate(4 << markBits)
}

/** Codes whether a copy ends at a mark; `kind` is how its place was said. */
export function codeWay(kind: u32, wanted: u32): u32 {
  lastWay = codeCell(ways + ((lastWay * 4 + min<u32>(3, kind)) << 2), wanted, waysMost)
  return lastWay
}

/** Codes the bytes of a counted copy of at most `left`; 0 stands for all of these. */
export function codeLength(kind: u32, wanted: i64, left: i64): i64 {
  const said = wanted == left ? 0 : wanted + 1
  const coded = <i64>codeNumber(lengths, min<u32>(3, kind), said, lengthsMost)
  const length = coded == 0 ? left : coded - 1
  if (length > left) stop(copyBeyondFile)
  return length
}

/** Leaves a mark where a counted copy ended, `old` being the old byte behind it. */
export function leaveMark(recent: u32, old: u32): void {
  const at = markOf(recent, old)
  const cell = load<u32>(at)
  store<u32>(at, cell == 0 ? freshMark : cell + move(cell, 1, marksMost))
}

/** What the next strides of a walk go on with. */
let trail: u32 = 0

/**
 * Goes on with a copy that ends at a mark: takes bytes from `old` to `to` until it ends, at most
 * `count`. Returns the bytes taken; fewer than `count` when it ended. `recent` are the four bytes
 * before, `wanted` how many bytes it still has when that is known.
 */
export function walk(recent: u32, old: usize, to: usize, count: u32, wanted: u32): u32 {
  trail = recent
  let i: u32 = 0
  for (; count - i > strideBytes; i += strideBytes) {
    const walked = stride(old + i, to + i, strideBytes, wanted - i)
    if (walked < strideBytes) return i + walked
  }
  return i + stride(old + i, to + i, count - i, wanted - i)
}

/** A function of its own: an engine compiles it well after some calls, in the middle of a copy. */
function stride(old: usize, to: usize, count: u32, wanted: u32): u32 {
  let before = trail
  for (let i: u32 = 0; i < count; i++) {
    const next: u32 = load<u8>(old + i)
    const at = markOf(before, next)
    const cell = load<u32>(at)
    if (cell != 0) {
      const ends = codeBit(u32(i == wanted), probability(cell))
      store<u32>(at, cell + move(cell, ends, marksMost))
      if (ends) return i
    }
    store<u8>(to + i, next)
    before = (before << 8) | next
  }
  trail = before
  return count
}

/** What counting costs, about, in the unit of the table at `costsAt`. */
const countCost: u32 = 12 * 256

/** Whether a copy of `length` old bytes, more of which follow, is better ended at a mark than counted. */
export function markPays(recent: u32, old: usize, length: u32): u32 {
  let before = recent
  let cost: u32 = 0
  for (let i: u32 = 0; i < length; i++) {
    const next: u32 = load<u8>(old + i)
    const cell = load<u32>(markOf(before, next))
    if (cell != 0) {
      cost += costOf(0xff - (cell >>> 24))
      if (cost > countCost) return 0
    }
    before = (before << 8) | next
  }
  const cell = load<u32>(markOf(before, load<u8>(old + length)))
  return u32(cell != 0 && cost + costOf(cell >>> 24) < countCost)
}

@inline
function costOf(share: u32): u32 {
  return load<u32>(costsAt + (<usize>share << 2))
}

@inline
function markOf(recent: u32, next: u32): usize {
  const slot = ((recent & 0xffffff) * 0x2c1b3c6d + next) * 0x9e3779b1
  return marks + (<usize>(slot >>> (32 - markBits)) << 2)
}
