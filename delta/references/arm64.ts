import type { Window } from './window.ts'

/** Instructions after an adrp in which its register is looked for. */
const pairReach = 6

/**
 * Code of arm64: b and bl, and the pairs of adrp with the add or load that completes the address
 * (Arm ARM, C6). Every instruction is one word.
 */
export function transformArm64(window: Window, from: number, to: number): number {
  const { end } = window
  const rest = (window.oldAddress + from) % 4
  let at = rest === 0 ? from : from + 4 - rest
  const start = Math.min(at, end)
  window.plain(from, start)
  while (at < to && at + 4 <= end) {
    const word = window.old32(at)
    if ((word & 0x7c000000) === 0x14000000) branch(window, at, word)
    else if ((word & 0x9f000000) === (0x90000000 | 0)) page(window, at, word)
    else if (!completes(window, at, word)) window.plain(at, at + 4)
    at += 4
  }
  if (at >= to && at <= end) return at
  const stop = Math.min(Math.max(at, to), end)
  window.plain(Math.max(start, at), stop)
  return Math.max(start, stop)
}

/** b and bl: 26 bits, in words, from the instruction itself. */
function branch(window: Window, at: number, word: number): void {
  const distance = ((word << 6) >> 6) * 4
  const from = window.oldAddress + at
  const moved = window.inOldImage(from + distance) ? window.moved(from + distance) : Number.NaN
  const here = window.here(at)
  const expected = Number.isNaN(moved) ? distance : moved - here
  const words = (expected / 4) & 0x3ffffff
  const actual = window.field32(at, (word & 0xfc000000) | words)
  if ((actual & 0xfc000000) !== (word & 0xfc000000)) return
  window.found(from + distance, moved, here + ((actual << 6) >> 6) * 4)
}

/** adrp: 21 bits, in pages of 4 KiB, from the page of the instruction. */
function page(window: Window, at: number, word: number): void {
  const pages = (((word << 8) >> 13) << 2) | ((word >>> 29) & 3)
  const base = pageOf(window.oldAddress + at) + pages * 4096
  const low = lowBits(window, at, word & 31)
  const target = base + low
  const moved = window.inOldImage(target) ? window.moved(target) : Number.NaN
  const here = pageOf(window.here(at))
  const expected = Number.isNaN(moved) ? pages : (pageOf(moved) - here) / 4096
  window.pairs.set(word & 31, at, target, moved)
  const kept = word & 0x9f00001f
  const field = ((expected & 3) << 29) | (((expected >> 2) & 0x7ffff) << 5)
  const actual = window.field32(at, kept | field)
  const found = (((actual << 8) >> 13) << 2) | ((actual >>> 29) & 3)
  window.pairs.settle(word & 31, here + found * 4096)
}

/** The offset that the instruction completing an adrp adds; 0 when none is near. */
function lowBits(window: Window, at: number, register: number): number {
  for (let next = at + 4; next <= at + 4 * pairReach && next + 4 <= window.end; next += 4) {
    const word = window.old32(next)
    if (((word >>> 5) & 31) === register) {
      const bits = offsetOf(word)
      if (bits >= 0) return bits
    }
    if ((word & 31) === register) return 0
  }
  return 0
}

/** Offset of an add (immediate, 64 bits) or a load or store (unsigned offset); -1 for others. */
function offsetOf(word: number): number {
  if ((word & 0xffc00000) === (0x91000000 | 0)) return (word >>> 10) & 0xfff
  if ((word & 0x3b000000) === 0x39000000) return ((word >>> 10) & 0xfff) * 2 ** scaleOf(word)
  return -1
}

/** A load of 128 bits has its size in the opcode. */
function scaleOf(word: number): number {
  return (word & 0x04800000) === 0x04800000 && word >>> 30 === 0 ? 4 : word >>> 30
}

/** The second half of a pair; false when it is none. */
function completes(window: Window, at: number, word: number): boolean {
  const low = offsetOf(word)
  if (low < 0) return false
  const pair = window.pairs.take((word >>> 5) & 31, at, pairReach * 4)
  if (pair === undefined || pair.target % 4096 !== low) return false
  const scale = (word & 0xffc00000) === (0x91000000 | 0) ? 1 : 2 ** scaleOf(word)
  const offset = Number.isNaN(pair.moved) ? low : pair.moved % 4096
  const expected = Math.floor(offset / scale) & 0xfff
  const actual = window.field32(at, (word & 0xffc003ff) | (expected << 10))
  const found = pair.page + ((actual >>> 10) & 0xfff) * scale
  if ((actual & 0xffc00000) === (word & 0xffc00000)) window.found(pair.target, pair.moved, found)
  return true
}

function pageOf(address: number): number {
  return address - (address % 4096)
}
