import { highestBit } from './zstd-codes.ts'

/** Which symbol each state of a table of `2^log` states stands for (RFC 8878 4.1.1). */
export function spreadSymbols(counts: readonly number[], log: number): Uint8Array {
  const size = 1 << log
  const symbols = new Uint8Array(size)
  let high = size - 1
  // Symbols "less than 1" take the last states, one each.
  for (let symbol = 0; symbol < counts.length; symbol++) {
    if (counts[symbol] === -1) symbols[high--] = symbol
  }
  const step = (size >> 1) + (size >> 3) + 3
  let at = 0
  for (let symbol = 0; symbol < counts.length; symbol++) {
    for (let i = 0; i < (counts[symbol] ?? 0); i++) {
      symbols[at] = symbol
      do at = (at + step) & (size - 1)
      while (at > high)
    }
  }
  return symbols
}

/** Bits that symbols with these counts take, with a table of other (normalised) counts. */
export function costInBits(
  occurrences: readonly number[],
  counts: readonly number[],
  log: number,
): number {
  let bits = 0
  for (let symbol = 0; symbol < occurrences.length; symbol++) {
    const occurrence = occurrences[symbol] ?? 0
    if (occurrence === 0) continue
    const count = counts[symbol] ?? 0
    if (count === 0) return Number.POSITIVE_INFINITY
    bits += occurrence * (log - Math.log2(Math.abs(count)))
  }
  return bits
}

/** A good table size for so many symbols: RFC 8878 leaves it to the encoder. */
export function tableLogFor(total: number, lastSymbol: number, logMax: number): number {
  const bySize = highestBit(Math.max(2, total - 1)) - 2
  const atLeast = Math.min(
    highestBit(Math.max(1, total)) + 1,
    highestBit(Math.max(1, lastSymbol)) + 2,
  )
  return Math.min(Math.max(Math.min(logMax, bySize), atLeast, 5), logMax)
}

/** Scales occurrences to a sum of `2^log`, each that occurs at least 1 (largest remainders). */
export function normalise(occurrences: readonly number[], log: number): number[] {
  const size = 1 << log
  const total = occurrences.reduce((sum, n) => sum + n, 0)
  const counts = occurrences.map((n) => (n === 0 ? 0 : Math.max(1, Math.floor((n * size) / total))))
  let left = size - counts.reduce((sum, n) => sum + n, 0)
  const order = occurrences
    .map((n, symbol) => ({ symbol, n, rest: (n * size) / total - Math.floor((n * size) / total) }))
    .filter(({ n }) => n > 0)
  order.sort((a, b) => b.rest - a.rest || b.n - a.n || a.symbol - b.symbol)
  for (const { symbol } of order) {
    if (left <= 0) break
    counts[symbol] = (counts[symbol] ?? 0) + 1
    left--
  }
  while (left < 0) {
    let largest = 0
    for (let symbol = 1; symbol < counts.length; symbol++) {
      if ((counts[symbol] ?? 0) > (counts[largest] ?? 0)) largest = symbol
    }
    counts[largest] = (counts[largest] ?? 0) - 1
    left++
  }
  return counts
}
