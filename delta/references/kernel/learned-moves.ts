import { movePageSlots, moveSlots, moveTableBytes, wasmMoves, wasmMovesEnd } from './memory'
import { hashed, unknown } from './numbers'

/**
 * How far WebAssembly numbers of one kind moved, as earlier numbers showed: the same number, else
 * one near it. Holds no map: these numbers are indexes or sit in places that no header lists.
 *
 * A table holds, for each hashed number, its complement and the move, then for pages of three
 * sizes the last move, in which the sign bit is inverted: `unknown` is stored as zero.
 */
export const functionMoves: usize = wasmMoves
export const addressMoves: usize = wasmMoves + moveTableBytes
export const codeAddressMoves: usize = wasmMoves + 2 * moveTableBytes
export const wordMoves: usize = wasmMoves + 3 * moveTableBytes

const pagesAt: usize = <usize>moveSlots << 4
const levelBytes: usize = <usize>movePageSlots << 3
/** Numbers that share a page: 64, 4,096 and 262,144. */
const firstShift: i64 = 6
const levels = 3

let used = false

// @ts-ignore: decorator
@inline
function slotOf(table: usize, value: i64): usize {
  return table + (<usize>(hashed(value) & (moveSlots - 1)) << 4)
}

// @ts-ignore: decorator
@inline
function pageOf(table: usize, value: i64, level: i32): usize {
  const page = <usize>(value >> (firstShift * (<i64>level + 1))) & <usize>(movePageSlots - 1)
  return table + pagesAt + <usize>level * levelBytes + (page << 3)
}

export function moveOfNumber(table: usize, value: i64): i64 {
  const slot = slotOf(table, value)
  if (load<i64>(slot) == ~value) return load<i64>(slot, 8)
  for (let level = 0; level < levels; level++) {
    const move = load<i64>(pageOf(table, value, level)) ^ unknown
    if (move != unknown) return move
  }
  return 0
}

export function learnMove(table: usize, value: i64, move: i64): void {
  used = true
  const slot = slotOf(table, value)
  store<i64>(slot, ~value)
  store<i64>(slot, move, 8)
  for (let level = 0; level < levels; level++) {
    store<i64>(pageOf(table, value, level), move ^ unknown)
  }
}

export function forgetMoves(): void {
  if (used) memory.fill(wasmMoves, 0, wasmMovesEnd - wasmMoves)
  used = false
}
