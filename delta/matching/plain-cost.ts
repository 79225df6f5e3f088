import type { CopyList } from './copy-list.ts'

/** What an operation costs, in bytes, as measured on programs. */
const operationBytes = 3

/**
 * About how many bytes a file takes whose copies are what they are: those that no copy has, those
 * that differ, and the operations. Stops counting beyond `most`.
 */
export function plainCost(
  copies: CopyList,
  {
    old,
    next,
    most,
  }: { readonly old: Uint8Array; readonly next: Uint8Array; readonly most: number },
): number {
  let cost = next.length + copies.count * operationBytes
  for (let i = 0; i < copies.count; i++) cost -= copies.length(i)
  for (let i = 0; i < copies.count && cost <= most; i++) {
    const at = copies.newAt(i)
    const from = copies.oldAt(i)
    const length = copies.length(i)
    for (let j = 0; j < length && cost <= most; j++) if (old[from + j] !== next[at + j]) cost++
  }
  return cost
}
