import type { BinaryCoder } from '../entropy/binary-coder.ts'
import { deltaError } from '../errors.ts'
import { deltaLimits } from '../limits.ts'
import type { OperationCoder } from './operation-coder.ts'

/**
 * Reads all operations of a file with inexact copies: triples of literal bytes, place in the pool,
 * bytes copied.
 */
export function readOperations(
  coder: BinaryCoder,
  models: OperationCoder,
  file: {
    readonly left: number
    readonly size: number
    readonly limit: number
    readonly place: number
  },
): Float64Array {
  let operations = new Float64Array(96)
  let length = 0
  let { left } = file
  let end = Math.max(0, file.place)
  while (left > 0) {
    if (length === 3 * deltaLimits.fileOperationsMax) {
      throw deltaError('LW_DELTA_LIMIT', { detail: 'Too many operations in one file.' })
    }
    if (length === operations.length) {
      const larger = new Float64Array(length * 2)
      larger.set(operations)
      operations = larger
    }
    const literals = models.codeLiterals(coder, 0, left)
    left -= literals
    operations[length] = literals
    if (left > 0) {
      const from = models.codePlace(coder, { from: -1, end, literals, at: file.size - left })
      const count = models.codeCopy(coder, 0, left)
      if (from + count > file.limit) {
        throw deltaError('LW_DELTA_FORMAT', { detail: 'A copy from outside the base.' })
      }
      operations[length + 1] = from
      operations[length + 2] = count
      left -= count
      end = from + count
    }
    length += 3
  }
  return operations.subarray(0, length)
}
