import type { EntropyKernel } from '../entropy/entropy-kernel.ts'
import { zeroBytes } from './zero-bytes.ts'

/** Encodes all differences of a copy to the old bytes of the pool from `from` on. */
export function encodeDifferences(
  kernel: EntropyKernel,
  pool: Uint8Array,
  from: number,
  differences: Uint8Array,
): void {
  const { output, pool: oldRoom, doors } = kernel
  const count = differences.length
  // Up to where there are only zeros behind the last window: a run is said at its beginning.
  let zerosEnd = 0
  for (let at = 0; at < count; at += output.length) {
    const end = Math.min(count, at + output.length)
    output.set(differences.subarray(at, end))
    oldRoom.set(pool.subarray(from + at, from + end))
    if (zerosEnd < end) zerosEnd = end + zeroBytes(differences, end, count - end)
    doors.encodeDifferences(end - at, count - at, zerosEnd - end)
  }
}
