import { movePageSlots, moveSlots, moveTableBytes, wasmMoves, wasmMovesEnd } from './memory'
import { hashed, unknown } from './numbers'

/**
 * How far WebAssembly numbers of one kind moved, as earlier numbers showed: the same number, else
 * one near it. Holds no map: these numbers are indexes or sit in places that no header lists.
 *
 * A table has a slot for each hashed number: the move, and 1 + the upper bits of the number, whose
 * lower ones the slot tells. Then come, for pages of three sizes, the last moves, in which the sign
 * bit is inverted: `unknown` is stored as zero.
 */
export const functionMoves: usize = wasmMoves
export const addressMoves: usize = wasmMoves + moveTableBytes
export const codeAddressMoves: usize = wasmMoves + 2 * moveTableBytes
export const wordMoves: usize = wasmMoves + 3 * moveTableBytes

/** Numbers have 35 bits, 16 of which a slot tells. */
const slotShift: i64 = 16
const tagBits: i64 = 20
const tagMask: i64 = (1 << 20) - 1
const pagesAt: usize = <usize>moveSlots << 3
const levelBytes: usize = <usize>movePageSlots << 3
/** Numbers that share a page: 64, 4,096 and 262,144. */
const firstShift: i64 = 6
const levels = 3

let used = false

@inline
function slotOf(table: usize, value: i64): usize {
  return table + (<usize>(hashed(value) & (moveSlots - 1)) << 3)
}

@inline
function tagOf(value: i64): i64 {
  return (value >> slotShift) + 1
}

@inline
function pageOf(table: usize, value: i64, level: i32): usize {
  const page = <usize>(value >> (firstShift * (<i64>level + 1))) & <usize>(movePageSlots - 1)
  return table + pagesAt + <usize>level * levelBytes + (page << 3)
}

export function moveOfNumber(table: usize, value: i64): i64 {
  const slot = load<i64>(slotOf(table, value))
  if ((slot & tagMask) == tagOf(value)) return slot >> tagBits
  for (let level = 0; level < levels; level++) {
    const move = load<i64>(pageOf(table, value, level)) ^ unknown
    if (move != unknown) return move
  }
  return 0
}

export function learnMove(table: usize, value: i64, move: i64): void {
  used = true
  store<i64>(slotOf(table, value), (move << tagBits) | tagOf(value))
  for (let level = 0; level < levels; level++) {
    store<i64>(pageOf(table, value, level), move ^ unknown)
  }
}

export function forgetMoves(): void {
  if (used) memory.fill(wasmMoves, 0, wasmMovesEnd - wasmMoves)
  used = false
}
