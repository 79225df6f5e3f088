import type { CoderInput } from './coder.ts'
import type { Region } from './layout.ts'
import { referenceLimits } from './limits.ts'
import type { WindowKernel } from './window-kernel.ts'

/** Bytes that two chunks of code share, so that no instruction is cut in both. */
const overlapBytes = 8

/**
 * Lets a kernel look for tables of jump targets that count from the table's own start. Code that
 * uses a table loads its start (lea with a RIP-relative operand), so the old code tells where
 * tables start.
 */
export function findJumpTables(
  { exports, scanned }: WindowKernel,
  regions: readonly Region[],
  input: Pick<CoderInput, 'readOld'>,
): void {
  const data = regions.filter(({ executable, address }) => !executable && address >= 0)
  const end = data.reduce((last, { address, size }) => Math.max(last, address + size), 0)
  exports.openTables(Math.min(end, referenceLimits.tableSpanMax))
  for (const { executable, position, size, address } of regions) {
    if (!executable || address < 0) continue
    for (let from = 0; from < size; from += scanned.length - overlapBytes) {
      const bytes = scanned.subarray(0, Math.min(scanned.length, size - from))
      input.readOld(position + from, bytes)
      exports.scanCode(bytes.length, address + from)
    }
  }
}
