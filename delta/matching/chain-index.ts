import type { Stretch, StringTable } from './string-table.ts'

/** Places of one string that are kept. */
const placesMax = 64
const entriesAtFirst = 1 << 12

/**
 * Where the strings of a table lie in a pool of bytes, chained from the latest place to the earliest.
 * Grows while the pool becomes known. Entries number the places.
 */
export class ChainIndex {
  readonly table: StringTable
  private readonly pool: Uint8Array
  /** For each slot the last entry + 1, 0 for none. */
  private readonly heads: Int32Array
  private readonly counts: Uint8Array
  private places = new Int32Array(entriesAtFirst)
  private previous = new Int32Array(entriesAtFirst)
  private entries = 0

  constructor(pool: Uint8Array, table: StringTable) {
    this.pool = pool
    this.table = table
    this.heads = new Int32Array(table.slots)
    this.counts = new Uint8Array(table.slots)
  }

  /** Takes in the strings of a stretch, which must lie behind all that is known. */
  extend(stretch: Stretch): void {
    this.table.list(this.pool, stretch, (slot, place) => this.add(slot, place))
  }

  /** The entry of the latest place of a string with this hash, or -1. */
  latest(hash: number): number {
    const slot = this.table.find(hash)
    return slot < 0 ? -1 : (this.heads[slot] as number) - 1
  }

  /** The entry before in the same chain, or -1. */
  before(entry: number): number {
    return (this.previous[entry] as number) - 1
  }

  place(entry: number): number {
    return this.places[entry] as number
  }

  private add(slot: number, place: number): void {
    const count = this.counts[slot] as number
    if (count === placesMax) return
    this.counts[slot] = count + 1
    if (this.entries === this.places.length) {
      this.places = doubled(this.places)
      this.previous = doubled(this.previous)
    }
    this.places[this.entries] = place
    this.previous[this.entries] = this.heads[slot] as number
    this.heads[slot] = ++this.entries
  }
}

function doubled(values: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(values.length * 2)
  larger.set(values)
  return larger
}
