import { addressMoves, codeAddressMoves, functionMoves } from './learned-moves'
import { old, oldBytes } from './memory'
import { codeAddressMin, follow, numberBytesMax, numberLength, readNumber } from './wasm-numbers'
import { Operands, operandsOf } from './wasm-opcodes'
import { end, lead, old8 } from './window'

/** Old bytes decoded before the first one, to be in step there. */
const leadBytes: usize = 48
const tableMax: i64 = 4096
/** Constants below this are numbers, not addresses. */
const addressMin: i64 = 4096

/**
 * Code: function indexes of calls, and constants, which hold addresses of data and code. Returns
 * where the stretch ends: after its last instruction.
 */
export function transformWasmCode(from: usize, to: usize): usize {
  let at = from - min(lead, leadBytes)
  while (at < to) {
    const what = operandsOf(old8(at++))
    if (what == Operands.none) continue
    if (what != Operands.constant && what != Operands.call) {
      at = skip(at, what)
      continue
    }
    const length = numberLength(at)
    if (at >= from && at + length <= end && length <= numberBytesMax) {
      if (what == Operands.call) follow(at, length, false, functionMoves)
      else constant(at, length)
    }
    at += length
  }
  return min(max(at, to), end)
}

function constant(at: usize, length: usize): void {
  const value = readNumber(old + at, length, true)
  if (value < addressMin) return
  follow(at, length, true, value >= codeAddressMin ? codeAddressMoves : addressMoves)
}

/** Index after the operands of an instruction that has nothing to follow. */
@inline
function skip(at: usize, what: Operands): usize {
  if (what == Operands.one || what == Operands.vector) return at + numberLength(at)
  if (what == Operands.two) return pastNumbers(at, 2)
  return skipRare(at, what)
}

function skipRare(at: usize, what: Operands): usize {
  if (what == Operands.bytes4) return at + 4
  if (what == Operands.bytes8) return at + 8
  const next = at + numberLength(at)
  if (what == Operands.table) return skipTable(next, min<usize>(next - at, 3), at)
  const opcode = old8(at)
  if (opcode < 8) return next
  return pastNumbers(next, opcode == 9 || opcode == 13 || opcode > 14 ? 1 : 2)
}

@inline
function pastNumbers(at: usize, count: i32): usize {
  const next = at + numberLength(at)
  return count == 1 ? next : next + numberLength(next)
}

/** Index after the numbers of a table, whose count stands before them. */
function skipTable(first: usize, countBytes: usize, countAt: usize): usize {
  const count = min(readNumber(old + countAt, countBytes, false), tableMax)
  let at = first
  for (let index: i64 = 0; index <= count && at < oldBytes; index++) at += numberLength(at)
  return at
}
