import { baseOf, newBase, oldBase } from './bases'
import { goTables, take } from './memory'
import { based32 } from './references'
import { end, old32, oldPosition } from './window'

/**
 * The function tables and the function records of Go programs (runtime.functab, runtime._func):
 * each field counts from a base of its own. Their places and shapes come from the old bytes.
 *
 * A table holds its position in the old files, the number of its functions, where the offsets of
 * their records from that position are (32 bits each, ascending), where the last one begins, and
 * the numbers of its bases.
 */
const tableBytes: usize = 64
const functionsAt: usize = 8
const recordsAt: usize = 12
const lastAt: usize = 16
const basesAt: usize = 24
const tablesMax: u32 = 8

/** Bytes of a record before its lists, and bytes that the last record may have. */
const headBytes: i64 = 44
const recordBytesMax: i64 = 256
const entryBytes: i64 = 8

/** Which of a table's bases a field counts from. */
const enum Base {
  text,
  names,
  programCounters,
  functionData,
  records,
  none,
}

let count: u32 = 0

/** Adds a table; returns where the sorted offsets of its records are to be written. */
export function addGoTable(
  position: f64,
  functions: u32,
  text: u32,
  names: u32,
  programCounters: u32,
  functionData: u32,
  records: u32,
): usize {
  if (count == tablesMax) unreachable()
  const table = tablesEnd()
  count++
  const room = take(<usize>functions << 2)
  store<i64>(table, <i64>position)
  store<u32>(table, functions, functionsAt)
  store<usize>(table, room, recordsAt)
  setBase(table, Base.text, text)
  setBase(table, Base.names, names)
  setBase(table, Base.programCounters, programCounters)
  setBase(table, Base.functionData, functionData)
  setBase(table, Base.records, records)
  return room
}

function setBase(table: usize, which: Base, number: u32): void {
  store<u32>(table + (<usize>which << 2), number, basesAt)
}

/** Makes the tables ready once all records are there. */
export function closeGoTables(): void {
  for (let table = goTables; table < tablesEnd(); table += tableBytes) {
    const functions = load<u32>(table, functionsAt)
    const last = functions == 0 ? 0 : load<i64>(table) + recordOffset(table, functions - 1)
    store<i64>(table, last, lastAt)
  }
}

@inline
function tablesEnd(): usize {
  return goTables + <usize>count * tableBytes
}

@inline
function recordOffset(table: usize, index: u32): i64 {
  return <i64>load<u32>(load<usize>(table, recordsAt) + (<usize>index << 2))
}

/** Goes through a stretch; returns where it ends. */
export function transformGoFunctions(from: usize, to: usize): usize {
  const table = touched(oldPosition + <i64>from, <i64>(to - from))
  if (table == 0) return to
  let at = from
  while (at < to) at = part(table, at, to)
  return at
}

/** The table that has a part in some old bytes; 0 for none. */
function touched(position: i64, length: i64): usize {
  for (let table = goTables; table < tablesEnd(); table += tableBytes) {
    const tableEnd = load<i64>(table, lastAt) + recordBytesMax
    if (position + length > load<i64>(table) && position < tableEnd) return table
  }
  return 0
}

@inline
function based(table: usize, at: usize, which: Base): bool {
  const base = baseOf(load<u32>(table + (<usize>which << 2), basesAt))
  return based32(at, oldBase(base), newBase(base))
}

/** One entry, one record, or what lies before the next one; returns where it ends. */
function part(table: usize, from: usize, to: usize): usize {
  const functab = load<i64>(table)
  const functions = load<u32>(table, functionsAt)
  const position = oldPosition + <i64>from
  const place = position - functab
  if (place >= 0 && place < <i64>functions * entryBytes) {
    if ((place & 3) != 0 || from + 4 > end) return from + 1
    const which = place % entryBytes == 0 ? Base.text : Base.records
    return based(table, from, which) ? from + 4 : from + 1
  }
  if (place < 0) return <usize>min(<i64>to, <i64>from - place)
  const index = recordsUpTo(table, functions, place)
  const begin = index > 0 ? functab + recordOffset(table, index - 1) : -1
  const next =
    index < functions
      ? functab + recordOffset(table, index)
      : (index > 0 ? begin : 0) + recordBytesMax
  const stop = <usize>min(<i64>to, max(next - oldPosition, <i64>from + 1))
  if (index == 0 || begin < oldPosition) return stop
  return record(table, <usize>(begin - oldPosition), from, stop)
}

/** How many records begin at most so many bytes after the table. */
function recordsUpTo(table: usize, functions: u32, place: i64): u32 {
  let low: u32 = 0
  let high = functions
  while (low < high) {
    const middle = (low + high) >> 1
    if (recordOffset(table, middle) <= place) low = middle + 1
    else high = middle
  }
  return low
}

function record(table: usize, begin: usize, from: usize, stop: usize): usize {
  let at = from
  if (<i64>begin + headBytes <= <i64>end) {
    while (at < stop) {
      const field = at - begin
      const which = (field & 3) == 0 ? baseOfField(begin, field) : Base.none
      const fits = which != Base.none && at + 4 <= end
      at += fits && based(table, at, which) ? 4 : 4 - (field & 3)
    }
  }
  return min(max(at, stop), end)
}

/** Which base a field of a record counts from. */
function baseOfField(begin: usize, field: usize): Base {
  if (field == 0) return Base.text
  if (field == 4) return Base.names
  if (field == 16 || field == 20 || field == 24) return Base.programCounters
  if (<i64>field < headBytes) return Base.none
  const value = old32(begin + field)
  const lists = <i64>old32(begin + 28)
  if (<i64>field < headBytes + lists * 4) return value == 0 ? Base.none : Base.programCounters
  return value == -1 ? Base.none : Base.functionData
}
