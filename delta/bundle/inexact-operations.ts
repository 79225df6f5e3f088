import type { EntropyKernel } from '../entropy/entropy-kernel.ts'
import { deltaError } from '../errors.ts'
import { deltaLimits } from '../limits.ts'

/**
 * Reads all operations of a file with inexact copies: triples of literal bytes, place in the pool,
 * bytes copied.
 * @throws LW_DELTA_LIMIT for more than a file may have
 */
export function readOperations({ doors, operations: said }: EntropyKernel): Float64Array {
  let operations: Float64Array = new Float64Array(said.length)
  let count = 0
  while (doors.unsaidBytes() > 0) {
    const read = doors.decodeOperations(deltaLimits.fileOperationsMax - count)
    if (read === 0) {
      throw deltaError('LW_DELTA_LIMIT', { detail: 'Too many operations in one file.' })
    }
    if (3 * (count + read) > operations.length) operations = grown(operations)
    operations.set(said.subarray(0, 3 * read), 3 * count)
    count += read
  }
  return operations.subarray(0, 3 * count)
}

function grown(operations: Float64Array): Float64Array {
  const larger = new Float64Array(operations.length * 2)
  larger.set(operations)
  return larger
}
