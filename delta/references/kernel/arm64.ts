import { beginPair, pairMoved, pairOf, pairPage, pairTarget, settlePair } from './address-pairs'
import { inOldImage } from './images'
import { unknown } from './numbers'
import { found, moved } from './references'
import { end, field32, here, old32, oldAddress } from './window'

/** Bytes of instructions after an adrp in which its register is looked for. */
const pairReach: usize = 6 * 4
const pageBytes: i64 = 4096

/**
 * Code of arm64: b and bl, and the pairs of adrp with the add or load that completes the address
 * (Arm ARM, C6). Every instruction is one word. Returns where the stretch ends.
 */
export function transformArm64(from: usize, to: usize): usize {
  let at = from + <usize>(-(oldAddress + <i64>from) & 3)
  const first = min(at, end)
  while (at < to && at + 4 <= end) {
    const word = old32(at)
    if ((word & 0x7c000000) == 0x14000000) branch(at, word)
    else if ((word & 0x9f000000) == <i32>0x90000000) page(at, word)
    else complete(at, word)
    at += 4
  }
  return at >= to && at <= end ? at : max(first, min(max(at, to), end))
}

/** b and bl: 26 bits, in words, from the instruction itself. */
function branch(at: usize, word: i32): void {
  const distance = <i64>((word << 6) >> 6) * 4
  const target = oldAddress + <i64>at + distance
  const expected = inOldImage(target) ? moved(target) : unknown
  const from = here(at)
  const words = <i32>((expected == unknown ? distance : expected - from) / 4) & 0x3ffffff
  const actual = field32(at, (word & 0xfc000000) | words)
  if ((actual & 0xfc000000) != (word & 0xfc000000)) return
  found(target, expected, from + <i64>((actual << 6) >> 6) * 4)
}

/** The signed number of pages in an adrp. */
@inline
function pagesOf(word: i32): i32 {
  return (((word << 8) >> 13) << 2) | ((word >>> 29) & 3)
}

/** adrp: 21 bits, in pages of 4 KiB, from the page of the instruction. */
function page(at: usize, word: i32): void {
  const register = <u32>word & 31
  const pages = pagesOf(word)
  const target = pageOf(oldAddress + <i64>at) + <i64>pages * pageBytes + <i64>lowBits(at, register)
  const there = inOldImage(target) ? moved(target) : unknown
  const from = pageOf(here(at))
  const expected = there == unknown ? pages : <i32>((pageOf(there) - from) / pageBytes)
  beginPair(register, at, target, there)
  const field = ((expected & 3) << 29) | (((expected >> 2) & 0x7ffff) << 5)
  const actual = field32(at, (word & <i32>0x9f00001f) | field)
  settlePair(register, from + <i64>pagesOf(actual) * pageBytes)
}

/** The offset that the instruction completing an adrp adds; 0 when none is near. */
function lowBits(at: usize, register: u32): i32 {
  for (let next = at + 4; next <= at + pairReach && next + 4 <= end; next += 4) {
    const word = old32(next)
    if ((<u32>(word >>> 5) & 31) == register) {
      const bits = offsetOf(word)
      if (bits >= 0) return bits
    }
    if ((<u32>word & 31) == register) return 0
  }
  return 0
}

@inline
function isAdd(word: i32): bool {
  return (word & <i32>0xffc00000) == <i32>0x91000000
}

/** Offset of an add (immediate, 64 bits) or a load or store (unsigned offset); -1 for others. */
function offsetOf(word: i32): i32 {
  const bits = (word >>> 10) & 0xfff
  if (isAdd(word)) return bits
  return (word & 0x3b000000) == 0x39000000 ? bits << scaleOf(word) : -1
}

/** A load of 128 bits has its size in the opcode; sizes are powers of two. */
function scaleOf(word: i32): i32 {
  const size = <i32>(<u32>word >> 30)
  return (word & 0x04800000) == 0x04800000 && size == 0 ? 4 : size
}

/** The second half of a pair, if it is one. */
function complete(at: usize, word: i32): void {
  const low = offsetOf(word)
  if (low < 0) return
  const pair = pairOf(<u32>(word >>> 5) & 31, at, pairReach)
  if (pair == 0 || pairTarget(pair) % pageBytes != <i64>low) return
  const scale = isAdd(word) ? 0 : scaleOf(word)
  const there = pairMoved(pair)
  const offset = there == unknown ? low : <i32>(there % pageBytes)
  const expected = (offset >> scale) & 0xfff
  const actual = field32(at, (word & <i32>0xffc003ff) | (expected << 10))
  if ((actual & <i32>0xffc00000) != (word & <i32>0xffc00000)) return
  found(pairTarget(pair), there, pairPage(pair) + <i64>(((actual >>> 10) & 0xfff) << scale))
}

/** Where the page of an address begins; that of a negative one ends there. */
@inline
function pageOf(address: i64): i64 {
  return address - (address % pageBytes)
}
