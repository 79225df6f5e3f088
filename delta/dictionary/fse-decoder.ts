import type { BitReader } from './bit-reader.ts'
import { spreadSymbols } from './fse-layout.ts'
import { refuseFrame } from './refuse.ts'

/** A finite state entropy table, ready to decode (RFC 8878 4.1.1). */
export class FseDecoder {
  readonly log: number
  readonly #symbols: Uint8Array
  readonly #bits: Uint8Array
  readonly #bases: Uint16Array

  constructor(counts: readonly number[], log: number) {
    this.log = log
    const size = 1 << log
    this.#symbols = spreadSymbols(counts, log)
    this.#bits = new Uint8Array(size)
    this.#bases = new Uint16Array(size)
    const next = counts.map((count) => Math.abs(count))
    for (let state = 0; state < size; state++) {
      const symbol = this.#symbols[state] ?? 0
      const rank = next[symbol] ?? 1
      next[symbol] = rank + 1
      const bits = log - (31 - Math.clz32(rank))
      this.#bits[state] = bits
      this.#bases[state] = (rank << bits) - size
    }
  }

  /** A table of one symbol, whose states take no bits. */
  static ofOne(symbol: number): FseDecoder {
    const counts = new Array<number>(symbol + 1).fill(0)
    counts[symbol] = 1
    return new FseDecoder(counts, 0)
  }

  symbolOf(state: number): number {
    return this.#symbols[state] ?? 0
  }

  bitsOf(state: number): number {
    return this.#bits[state] ?? 0
  }

  baseOf(state: number): number {
    return this.#bases[state] ?? 0
  }

  next(state: number, input: BitReader): number {
    return this.baseOf(state) + input.read(this.bitsOf(state))
  }
}

/** Reads a table's description; says how many bytes it took. */
export function readCounts(
  bytes: Uint8Array,
  most: { readonly log: number; readonly symbol: number },
): { readonly counts: readonly number[]; readonly log: number; readonly length: number } {
  let at = 0
  const read = (bits: number): number => {
    let value = 0
    for (let i = 0; i < bits; i++, at++) {
      value |= (((bytes[at >>> 3] ?? 0) >>> (at & 7)) & 1) << i
    }
    if (at > bytes.byteLength * 8) refuseFrame('A table ends too early')
    return value
  }
  const log = read(4) + 5
  if (log > most.log) refuseFrame('A table is too large')
  const counts: number[] = []
  let remaining = (1 << log) + 1
  while (remaining > 1) {
    if (counts.length > most.symbol) refuseFrame('A table has too many symbols')
    const bits = 32 - Math.clz32(remaining)
    const threshold = 1 << (bits - 1)
    const few = 2 * threshold - 1 - remaining
    let value = read(bits - 1)
    if (value >= few) {
      value += read(1) * threshold
      if (value >= threshold) value -= few
    }
    const count = value - 1
    remaining -= Math.abs(count)
    counts.push(count)
    if (count === 0) {
      for (let zeros = 3; zeros === 3; ) {
        zeros = read(2)
        for (let i = 0; i < zeros; i++) counts.push(0)
        if (counts.length > most.symbol + 1) refuseFrame('A table has too many symbols')
      }
    }
  }
  if (remaining !== 1 || counts.length > most.symbol + 1) refuseFrame('A table does not add up')
  return { counts, log, length: (at + 7) >>> 3 }
}
