import type { CoderInput } from './coder.ts'
import type { BasePair, GoTable, Side } from './side.ts'
import type { Window } from './window.ts'

/** Bytes that the last record may have. */
const recordBytesMax = 256

interface Followed {
  readonly table: GoTable
  readonly bases: readonly BasePair[]
  /** Positions of the function records in the old files, ascending. */
  readonly records: Float64Array
}

/**
 * The function records of a Go program (runtime._func): each field counts from a base of its own.
 * The record's place and shape come from the old bytes.
 */
export class GoFunctions {
  private readonly followed: readonly Followed[]

  constructor(side: Side, input: CoderInput) {
    this.followed = side.goTables.map((table) => ({
      table,
      bases: table.bases.map((base) => side.bases[base] as BasePair),
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
    let at = from
    while (at < to) {
      const entry = this.entry(window, at)
      if (entry > 0) {
        at += entry
        continue
      }
      const found = this.recordAt(window.oldPosition + at)
      if (found === undefined || found.end <= window.oldPosition + at) {
        window.plain(at, at + 1)
        at++
      } else at = this.record(window, { ...found, from: at, to })
    }
    return at
  }

  /** One half of an entry of the function table; returns the bytes done, 0 when it is none. */
  private entry(window: Window, at: number): number {
    const position = window.oldPosition + at
    for (const { table, bases } of this.followed) {
      const place = position - table.functab
      if (place < 0 || place >= table.functions * 8 || place % 4 !== 0) continue
      const base = bases[place % 8 === 0 ? 0 : 4] as BasePair
      if (at + 4 <= window.end && window.based32(at, base.old, base.next)) return 4
    }
    return 0
  }

  private recordAt(position: number): (Followed & { start: number; end: number }) | undefined {
    for (const followed of this.followed) {
      const { records } = followed
      let low = 0
      let high = records.length
      while (low < high) {
        const middle = (low + high) >>> 1
        if ((records[middle] as number) <= position) low = middle + 1
        else high = middle
      }
      const start = records[low - 1]
      const end = records[low] ?? (start ?? 0) + recordBytesMax
      if (start !== undefined) return { ...followed, start, end }
    }
    return undefined
  }

  private record(
    window: Window,
    found: Followed & { start: number; end: number; from: number; to: number },
  ): number {
    const { bases, start, end, from, to } = found
    const base = window.oldPosition
    const known = start - base >= 0 && start + 44 - base <= window.end
    let at = from
    const stop = Math.min(end - base, to)
    while (at < stop) {
      const field = base + at - start
      const pick = known && field % 4 === 0 ? fieldBase(window, start - base, field) : -1
      const pair = bases[pick]
      if (pair !== undefined && at + 4 <= window.end && window.based32(at, pair.old, pair.next)) {
        at += 4
        continue
      }
      window.plain(at, at + 1)
      at++
    }
    return at
  }
}

/** Which base a field of a record counts from; -1 when from none. */
function fieldBase(window: Window, record: number, field: number): number {
  if (field === 0) return 0
  if (field === 4) return 1
  if (field === 16 || field === 20 || field === 24) return 2
  if (field < 44) return -1
  const pcdata = window.old32(record + 28)
  if (field < 44 + pcdata * 4) return window.old32(record + ((field / 4) | 0) * 4) === 0 ? -1 : 2
  return window.old32(record + ((field / 4) | 0) * 4) === -1 ? -1 : 3
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
