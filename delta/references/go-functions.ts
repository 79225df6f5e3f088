import type { CoderInput } from './coder.ts'
import type { BasePair, GoTable, Side } from './side.ts'
import type { Window } from './window.ts'

/** Bytes of a record before its lists, and bytes that the last record may have. */
const headBytes = 44
const recordBytesMax = 256

/** Numbers of a table's bases. */
const base = { text: 0, names: 1, programCounters: 2, functionData: 3, records: 4 } as const
const noBase = -1

interface Followed {
  readonly table: GoTable
  readonly bases: readonly BasePair[]
  /** Positions of the function records in the old files, ascending. */
  readonly records: Float64Array
}

/**
 * The function table and the function records of a Go program (runtime.functab, runtime._func):
 * each field counts from a base of its own. Their places and shapes come from the old bytes.
 */
export class GoFunctions {
  private readonly followed: readonly Followed[]

  constructor(side: Side, input: CoderInput) {
    this.followed = side.goTables.map((table) => ({
      table,
      bases: table.bases.map((number) => side.bases[number] as BasePair),
      records: readRecords(table, input),
    }))
  }

  /** Whether a stretch of the old files holds a part of a table. */
  touches(position: number, length: number): boolean {
    return this.followed.some(
      ({ table, records }) =>
        position + length > table.functab && position < (records.at(-1) ?? 0) + recordBytesMax,
    )
  }

  transform(window: Window, from: number, to: number): number {
    const length = to - from
    const followed = this.followed.find(
      ({ table, records }) =>
        window.oldPosition + from + length > table.functab &&
        window.oldPosition + from < (records.at(-1) ?? 0) + recordBytesMax,
    )
    if (followed === undefined) {
      window.plain(from, to)
      return to
    }
    let at = from
    while (at < to) at = stretch(window, followed, at, to)
    return at
  }
}

/** One entry, one record, or what lies before the next one; returns where it ends. */
function stretch(window: Window, followed: Followed, from: number, to: number): number {
  const { table, bases, records } = followed
  const position = window.oldPosition + from
  const place = position - table.functab
  if (place >= 0 && place < table.functions * 8) {
    const pair = bases[place % 8 === 0 ? base.text : base.records] as BasePair
    const fits = place % 4 === 0 && from + 4 <= window.end
    if (fits && window.based32(from, pair.old, pair.next)) return from + 4
    window.plain(from, from + 1)
    return from + 1
  }
  const index = recordsUpTo(records, position)
  const start = records[index - 1]
  const next = records[index] ?? (start ?? 0) + recordBytesMax
  const stop = Math.min(to, Math.max(next - window.oldPosition, from + 1))
  if (start === undefined || start < window.oldPosition || place < 0) {
    window.plain(from, place < 0 ? Math.min(to, from - place) : stop)
    return place < 0 ? Math.min(to, from - place) : stop
  }
  return record(window, { bases, start: start - window.oldPosition, from, stop })
}

function record(
  window: Window,
  span: {
    readonly bases: readonly BasePair[]
    readonly start: number
    readonly from: number
    readonly stop: number
  },
): number {
  const { bases, start, from, stop } = span
  const known = start + headBytes <= window.end
  let at = from
  let done = from
  while (known && at < stop) {
    const field = at - start
    const pick = field % 4 === 0 ? fieldBase(window, start, field) : noBase
    const pair = bases[pick]
    if (pair === undefined || at + 4 > window.end || !window.based32(at, pair.old, pair.next)) {
      at += 4 - (field % 4)
      continue
    }
    window.plain(done, at)
    at += 4
    done = at
  }
  const end = Math.min(Math.max(at, stop), window.end)
  window.plain(done, end)
  return end
}

/** Which base a field of a record counts from. */
function fieldBase(window: Window, start: number, field: number): number {
  if (field === 0) return base.text
  if (field === 4) return base.names
  if (field === 16 || field === 20 || field === 24) return base.programCounters
  if (field < headBytes) return noBase
  const value = window.old32(start + field)
  const lists = window.old32(start + 28)
  if (field < headBytes + lists * 4) return value === 0 ? noBase : base.programCounters
  return value === -1 ? noBase : base.functionData
}

/** How many records start at or before a position. */
function recordsUpTo(records: Float64Array, position: number): number {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((records[middle] as number) <= position) low = middle + 1
    else high = middle
  }
  return low
}

function readRecords(table: GoTable, input: CoderInput): Float64Array {
  const bytes = new Uint8Array(table.functions * 8)
  input.readOld(table.functab, bytes)
  const view = new DataView(bytes.buffer)
  const records = new Float64Array(table.functions)
  for (let index = 0; index < table.functions; index++) {
    records[index] = table.functab + view.getUint32(index * 8 + 4, true)
  }
  return records.sort()
}
