import type { Prices } from './prices.ts'

/**
 * Drops copies that cost more than the literals that they spare: triples of literal bytes, place,
 * bytes copied. Dropping one may make the next one cheaper, so it goes on until nothing changes.
 */
export function pruneOperations(operations: Int32Array, start: number, prices: Prices): Int32Array {
  let current = operations
  for (let pass = 0; pass < 4; pass++) {
    const kept = prunePass(current, start, prices)
    if (kept.length === current.length) return kept
    current = kept
  }
  return current
}

function prunePass(operations: Int32Array, start: number, prices: Prices): Int32Array {
  const kept = new Int32Array(operations.length)
  let length = 0
  let end = start
  let pending = 0
  for (let i = 0; i < operations.length; i += 3) {
    const literals = (operations[i] as number) + pending
    const from = operations[i + 1] as number
    const count = operations[i + 2] as number
    const nextFrom = operations[i + 4]
    const nextLiterals = operations[i + 3] ?? 0
    let cost = prices.operation + placePrice(prices, from, end, literals)
    if (nextFrom !== undefined) {
      cost += placePrice(prices, nextFrom, from + count, nextLiterals)
      cost -= placePrice(prices, nextFrom, end, literals + count + nextLiterals)
    }
    if (cost > count * prices.literal) {
      pending = literals + count
      continue
    }
    kept[length] = literals
    kept[length + 1] = from
    kept[length + 2] = count
    length += 3
    pending = 0
    end = from + count
  }
  return kept.subarray(0, length)
}

function placePrice(prices: Prices, from: number, end: number, literals: number): number {
  if (from === end + literals) return 1
  if (from === end) return 2
  const step = Math.abs(from - end - literals)
  return prices.step + Math.log2(step + 1)
}
