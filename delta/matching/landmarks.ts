import type { PoolPart } from './pool-part.ts'
import type { StringTable, StringTables } from './string-table.ts'

/** Bytes of a landmark, unless longer ones are wanted. */
const usualBytes = 32
/** Bytes from one landmark to the next: the more the larger the base, up to a limit. */
const stepMin = 16
const stepMax = 72
const landmarksMax = 3 << 18

/** The most landmarks that there are in parts of a base. */
export function landmarkCount(parts: readonly PoolPart[]): number {
  return Math.ceil(partBytes(parts) / stepOf(parts)) + parts.length
}

/**
 * Long strings from all over the parts of a base, evenly spread: enough to find again whatever is as
 * long as two of them are apart.
 */
export function landmarksOf(
  base: Uint8Array,
  parts: readonly PoolPart[],
  {
    tables,
    length = usualBytes,
  }: { readonly tables: StringTables; readonly length?: number | undefined },
): StringTable {
  const table = tables.table(length, landmarkCount(parts))
  const step = stepOf(parts)
  for (const { position, size } of parts) {
    table.sample(base, { start: position, end: position + size }, step)
  }
  return table
}

export function partBytes(parts: readonly PoolPart[]): number {
  return parts.reduce((sum, { size }) => sum + size, 0)
}

function stepOf(parts: readonly PoolPart[]): number {
  return Math.min(stepMax, Math.max(stepMin, Math.ceil(partBytes(parts) / landmarksMax)))
}
