import type { CopyList } from './copy-list.ts'

/** Copies as operations: triples of literal bytes, place in the base, bytes copied. */
export function inexactOperations(copies: CopyList, start: number): Int32Array {
  const operations = new Int32Array(copies.count * 3)
  let at = start
  for (let i = 0; i < copies.count; i++) {
    operations[i * 3] = copies.newAt(i) - at
    operations[i * 3 + 1] = copies.oldAt(i)
    operations[i * 3 + 2] = copies.length(i)
    at = copies.newAt(i) + copies.length(i)
  }
  return operations
}

/** Splits inexact copies where bytes differ; equal runs shorter than `runMin` become literals. */
export function exactOperations(
  copies: CopyList,
  base: Uint8Array,
  next: Uint8Array,
  span: { readonly start: number; readonly runMin: number },
): Int32Array {
  const operations: number[] = []
  let at = span.start
  for (let i = 0; i < copies.count; i++) {
    const newAt = copies.newAt(i)
    const distance = copies.oldAt(i) - newAt
    const end = newAt + copies.length(i)
    for (let from = newAt; from < end; ) {
      let to = from
      while (to < end && next[to] === base[to + distance]) to++
      if (to - from >= span.runMin) {
        operations.push(from - at, from + distance, to - from)
        at = to
      }
      from = to + 1
    }
  }
  return Int32Array.from(operations)
}
