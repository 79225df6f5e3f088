import type { FileToEncode } from './file-encoder.ts'
import { lightlyPacked } from './pack-bulk.ts'

/** Smaller files have little to lose, and packing larger ones twice takes long. */
const fileBytesMin = 1 << 16
const fileBytesMax = 32 << 20
/** Copies that spare more of a file than the rest pay in any case. */
const literalShareMin = 0.5

type MatchedFile = FileToEncode & { readonly literals: number; readonly differing: number }

/**
 * Whether the copies of a file are worth the `coreBytes` that it took: from an unrelated base they
 * are chance, cost more than they spare, and tear literals apart that would pack well together.
 */
export function copiesPay(file: MatchedFile, coreBytes: number): boolean {
  const { pool, start, end, coding, literals } = file
  const bytes = end - start
  const judged = bytes >= fileBytesMin && bytes <= fileBytesMax
  if (!judged || coding.literals !== 'bulk' || literals < bytes * literalShareMin) return true
  if (literals === bytes) return true
  const whole = lightlyPacked(pool.subarray(start, end))
  return lightlyPacked(literalsOf(file)) + coreBytes < whole
}

/** The same file, all of it literals. */
export function withoutCopies<File extends MatchedFile>(file: File): File {
  return {
    ...file,
    operations: new Int32Array(0),
    coding: { copies: 'inexact', literals: 'bulk', differences: 'modelled' },
    references: undefined,
    literals: file.end - file.start,
    differing: 0,
  }
}

function literalsOf({ pool, start, end, operations }: FileToEncode): Uint8Array {
  const pieces: Uint8Array[] = []
  let at = start
  for (let i = 0; i < operations.length; i += 3) {
    const literals = operations[i] as number
    pieces.push(pool.subarray(at, at + literals))
    at += literals + (operations[i + 2] as number)
  }
  pieces.push(pool.subarray(at, end))
  return Buffer.concat(pieces)
}
