import type { BinaryCoder } from '../entropy/binary-coder.ts'
import type { BulkDifferencesSink } from './bulk-differences.ts'
import { type CopyOp, createReferenceCoder, referenceLimits } from '../references/index.ts'
import { encodeCopy, pushTail } from './encode-copy.ts'
import { encodeDifferences } from './encode-differences.ts'
import { encodeLiterals } from './encode-literals.ts'
import type { FileCoding, FileModels } from './file-models.ts'
import { codeReferenceUse, copiesWithin, type ReferenceUse } from './reference-use.ts'

/** How one file comes about: triples of literal bytes, place in the pool, bytes copied. */
export type Operations = Int32Array

/** One file to encode: the pool's bytes from `start` to `end`, from all before `limit`. */
export interface FileToEncode {
  readonly pool: Uint8Array
  readonly limit: number
  readonly start: number
  readonly end: number
  /** Where the predecessor lies in the pool, -1 when there is none. */
  readonly predecessor: number
  readonly operations: Operations
  readonly coding: FileCoding
  /** How references of an executable are predicted; inexact copies only. */
  readonly references?: ReferenceUse | undefined
}

/** Takes what does not go through the range coder. */
export interface BulkSink {
  readonly literals: Uint8Array[]
  readonly differences: BulkDifferencesSink
}

export function encodeFile(
  coder: BinaryCoder,
  models: FileModels,
  file: FileToEncode,
  bulk: BulkSink,
): void {
  models.codeCoding(file.coding)
  coder.kernel.doors.beginEncodingFile(Math.max(0, file.predecessor), file.limit)
  if (file.coding.copies === 'exact') encodeExact(coder, models, file, bulk)
  else encodeInexact(coder, models, file, bulk)
}

function encodeExact(
  coder: BinaryCoder,
  models: FileModels,
  file: FileToEncode,
  bulk: BulkSink,
): void {
  const { pool, limit, start, end, operations } = file
  const { tally } = models
  const { kernel } = coder
  const { doors } = kernel
  let at = start
  let old = file.predecessor
  const copy = (count: number): void => {
    encodeCopy(kernel, pool, { from: old, count, left: Math.min(end - at, limit - old) })
    at += count
    old += count
    tally.add('ends', coder)
  }
  let i = 0
  if (old >= 0 && at < end) {
    const begins = operations[0] === 0 && operations[1] === old
    copy(begins ? (operations[2] as number) : 0)
    if (begins) i = 3
  }
  for (; at < end; i += 3) {
    const literals = i < operations.length ? (operations[i] as number) : end - at
    doors.encodeLiteralCount(literals, end - at)
    models.tally.add('counts', coder)
    encodeRun(coder, models, file, at, literals, old, bulk)
    at += literals
    if (at >= end) break
    const from = operations[i + 1] as number
    doors.encodePlace(from, Math.max(0, old), literals, at - start)
    tally.add('places', coder)
    old = from
    copy(operations[i + 2] as number)
  }
}

function encodeInexact(
  coder: BinaryCoder,
  models: FileModels,
  file: FileToEncode,
  bulk: BulkSink,
): void {
  const { pool, start, end, operations } = file
  const { kernel } = coder
  const { doors } = kernel
  let at = start
  let old = Math.max(0, file.predecessor)
  for (let i = 0; at < end; i += 3) {
    const literals = i < operations.length ? (operations[i] as number) : end - at
    doors.encodeLiteralCount(literals, end - at)
    models.tally.add('counts', coder)
    at += literals
    if (at >= end) break
    const from = operations[i + 1] as number
    const count = operations[i + 2] as number
    doors.encodePlace(from, old, literals, at - start)
    models.tally.add('places', coder)
    doors.encodeCopyCount(count, end - at)
    models.tally.add('counts', coder)
    at += count
    old = from + count
  }
  const use = file.references
  codeReferenceUse(coder, models.sides, use, () => use)
  const { copies, indices } = use === undefined ? noCopies : copiesWithin(operations, use)
  const predict = use === undefined ? undefined : referencePrediction(file, use, copies)
  models.tally.add('sides', coder)
  at = start
  old = file.predecessor
  for (let i = 0; at < end; i += 3) {
    const literals = i < operations.length ? (operations[i] as number) : end - at
    encodeRun(coder, models, file, at, literals, old, bulk)
    at += literals
    if (at >= end) break
    const from = operations[i + 1] as number
    const count = operations[i + 2] as number
    const differences = differencesOf(pool, from, at, count)
    const copy = indices?.[i / 3] ?? -1
    if (copy >= 0) predict?.(copy, pool.slice(at, at + count), differences)
    if (file.coding.differences === 'bulk') bulk.differences.encode(differences)
    else encodeDifferences(kernel, pool, from, differences)
    models.tally.add('differences', coder)
    pushTail(kernel, pool, at, at + count)
    at += count
    old = from + count
  }
}

const noCopies = { copies: [], indices: undefined }

function differencesOf(pool: Uint8Array, from: number, at: number, count: number): Uint8Array {
  const differences = new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    differences[i] = (pool[at + i] as number) - (pool[from + i] as number)
  }
  return differences
}

/** Puts the differences to predicted bytes in place of those to old bytes. */
function referencePrediction(
  file: FileToEncode,
  use: ReferenceUse,
  copies: readonly CopyOp[],
): (copy: number, bytes: Uint8Array, differences: Uint8Array) => void {
  const { pool, start, end } = file
  const old = pool.subarray(use.position, use.position + use.size)
  const reference = createReferenceCoder({
    side: use.side,
    copies,
    oldSize: use.size,
    newSize: end - start,
    readOld: (position, into) => into.set(old.subarray(position, position + into.length)),
  })
  const { windowBytes } = referenceLimits
  return (copy, bytes, differences) => {
    for (let at = 0; at < bytes.length; at += windowBytes) {
      reference.difference(copy, at, bytes.subarray(at, at + windowBytes))
    }
    differences.set(bytes)
  }
}

function encodeRun(
  coder: BinaryCoder,
  models: FileModels,
  file: FileToEncode,
  at: number,
  count: number,
  old: number,
  bulk: BulkSink,
): void {
  if (count === 0) return
  const { pool } = file
  if (file.coding.literals === 'bulk') {
    bulk.literals.push(pool.subarray(at, at + count))
    pushTail(coder.kernel, pool, at, at + count)
    return
  }
  const besideEnd = old < 0 ? 0 : file.limit
  encodeLiterals(coder.kernel, { pool, at, count, beside: Math.max(0, old), besideEnd })
  models.tally.add('literals', coder)
}
