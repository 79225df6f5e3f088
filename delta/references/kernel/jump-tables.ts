import { scanned, tableSpanMax, tableStarts } from './memory'
import { unknown } from './numbers'
import { based32 } from './references'
import { predict } from './targets'
import { oldAddress } from './window'

/** Tables start at addresses that are divisible by this. */
const granule: i64 = 4
/** Bytes after its start that still belong to a table. */
const reach: i64 = 4096
const laneBytes: usize = 16
/** Opcode, operand and distance of `lea` with a RIP-relative operand. */
const leaBytes: usize = 6
const lea: u8 = 0x8d

/** Tables that start from this address on are not followed. */
let limit: i64 = 0
/** The last question and its answer: questions come in ascending order. */
let asked: i64 = -1
let answer: i64 = -1

/** Begins to look for tables below an address. */
export function openTables(below: f64): void {
  limit = min(<i64>below, <i64>tableSpanMax)
}

/**
 * Looks through old code at an address for `lea` with a RIP-relative operand: code that uses a
 * table of jump targets loads the table's start. The first byte of the chunk is no opcode.
 */
export function scanCode(length: u32, address: f64): void {
  if (<usize>length <= leaBytes) return
  const end = scanned + <usize>length - leaBytes
  const base = <i64>address - <i64>scanned
  const wanted = i8x16.splat(lea)
  let at = scanned + 1
  for (; at + laneBytes <= end; at += laneBytes) {
    let hits = i8x16.bitmask(i8x16.eq(v128.load(at), wanted))
    for (; hits != 0; hits &= hits - 1) lookAt(at + <usize>ctz(hits), base)
  }
  for (; at <= end; at++) if (load<u8>(at) == lea) lookAt(at, base)
}

@inline
function lookAt(at: usize, base: i64): void {
  if ((load<u8>(at, 1) & 0xc7) != 5) return
  const target = base + <i64>at + <i64>leaBytes + <i64>load<i32>(at, 2)
  if (target < 0 || target >= limit || (target & (granule - 1)) != 0) return
  const byte = tableStarts + <usize>(target >> 5)
  store<u8>(byte, load<u8>(byte) | (1 << (<u8>(target >> 2) & 7)))
}

@inline
function starts(address: i64): bool {
  return ((load<u8>(tableStarts + <usize>(address >> 5)) >> (<u8>(address >> 2) & 7)) & 1) != 0
}

/** Start of the table that holds an address; -1 when there is none. */
export function tableStart(address: i64): i64 {
  if ((address & (granule - 1)) != 0 || address < 0 || address >= limit) return -1
  const least = max<i64>(0, address - reach)
  // Between the last answer and the last question there is no start.
  const goesOn = asked <= address && asked >= least
  const unseen = goesOn ? asked + granule : least
  let at = address
  while (at >= unseen && !starts(at)) at -= granule
  if (at >= unseen) answer = at
  else if (!goesOn || answer < least) answer = -1
  asked = address
  return answer
}

/** Transforms one entry; false when it lies in no table. */
export function tableWord(at: usize): bool {
  const start = tableStart(oldAddress + <i64>at)
  if (start < 0) return false
  const moved = predict(start)
  return moved != unknown && based32(at, start, moved)
}
