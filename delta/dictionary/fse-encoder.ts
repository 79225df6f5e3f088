import { BitWriter } from './bit-writer.ts'
import { spreadSymbols } from './fse-layout.ts'
import { highestBit } from './zstd-codes.ts'

/** A finite state entropy table, ready to encode (RFC 8878 4.1). */
export class FseEncoder {
  readonly counts: readonly number[]
  readonly log: number
  readonly #states: Uint16Array
  readonly #deltaBits: Int32Array
  readonly #deltaStates: Int32Array

  constructor(counts: readonly number[], log: number) {
    this.counts = counts
    this.log = log
    const size = 1 << log
    const symbols = spreadSymbols(counts, log)
    const next: number[] = []
    let total = 0
    this.#deltaBits = new Int32Array(counts.length)
    this.#deltaStates = new Int32Array(counts.length)
    for (let symbol = 0; symbol < counts.length; symbol++) {
      const count = Math.abs(counts[symbol] ?? 0)
      next.push(total)
      if (count === 0) continue
      const bitsMax = count === 1 ? log : log - highestBit(count - 1)
      this.#deltaBits[symbol] = (bitsMax << 16) - (count === 1 ? size : count << bitsMax)
      this.#deltaStates[symbol] = total - count
      total += count
    }
    this.#states = new Uint16Array(size)
    for (let at = 0; at < size; at++) {
      const symbol = symbols[at] ?? 0
      const slot = next[symbol] ?? 0
      next[symbol] = slot + 1
      this.#states[slot] = size + at
    }
  }

  /** The state that stands for the last symbol; no bits are written for it. */
  begin(symbol: number): number {
    const delta = this.#deltaBits[symbol] ?? 0
    const bits = (delta + (1 << 15)) >>> 16
    const value = (bits << 16) - delta
    return this.#states[(value >>> bits) + (this.#deltaStates[symbol] ?? 0)] ?? 0
  }

  /** Writes what leads from the new state to the given one, and returns the new state. */
  encode(out: BitWriter, state: number, symbol: number): number {
    const bits = (state + (this.#deltaBits[symbol] ?? 0)) >>> 16
    out.add(state, bits)
    return this.#states[(state >>> bits) + (this.#deltaStates[symbol] ?? 0)] ?? 0
  }

  /** Writes the state that the decoder begins with. */
  finish(out: BitWriter, state: number): void {
    out.add(state, this.log)
  }
}

/** The description of a table (RFC 8878 4.1.1). */
export function describeCounts(counts: readonly number[], log: number): Uint8Array {
  const out = new BitWriter(64)
  out.add(log - 5, 4)
  let remaining = (1 << log) + 1
  let threshold = 1 << log
  let bits = log + 1
  for (let symbol = 0; remaining > 1; ) {
    const count = counts[symbol++] ?? 0
    const most = 2 * threshold - 1 - remaining
    remaining -= Math.abs(count)
    let value = count + 1
    if (value >= threshold) value += most
    out.add(value, value < most ? bits - 1 : bits)
    while (remaining < threshold && threshold > 1) {
      bits--
      threshold >>= 1
    }
    if (count === 0 && remaining > 1) {
      let zeros = 0
      while ((counts[symbol] ?? 1) === 0) {
        zeros++
        symbol++
      }
      for (; zeros >= 3; zeros -= 3) out.add(3, 2)
      out.add(zeros, 2)
    }
  }
  return out.closeForward()
}

/** Encodes symbols with two states that take turns, as Huffman weights are (RFC 8878 4.2.1.2). */
export function encodeAlternating(encoder: FseEncoder, symbols: readonly number[]): Uint8Array {
  const out = new BitWriter(symbols.length + 8)
  const states = [0, 0]
  for (let i = symbols.length - 1; i >= 0; i--) {
    const turn = i & 1
    const symbol = symbols[i] ?? 0
    states[turn] =
      i >= symbols.length - 2
        ? encoder.begin(symbol)
        : encoder.encode(out, states[turn] ?? 0, symbol)
  }
  encoder.finish(out, states[1] ?? 0)
  encoder.finish(out, states[0] ?? 0)
  return out.close()
}
