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
