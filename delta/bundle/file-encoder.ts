import type { BinaryCoder } from '../entropy/binary-coder.ts'
import type { FileCoding, FileModels } from './file-models.ts'

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
}

/** Takes the literals that do not go through the range coder. */
export type BulkSink = (literals: Uint8Array) => void

export function encodeFile(
  coder: BinaryCoder,
  models: FileModels,
  file: FileToEncode,
  bulk: BulkSink,
): void {
  models.trail.reset()
  models.codeCoding(coder, file.coding)
  models.operations.beginFile(Math.max(0, file.predecessor), file.limit)
  if (file.coding.copies === 'exact') encodeExact(coder, models, file, bulk)
  else encodeInexact(coder, models, file, bulk)
}

function encodeExact(
  coder: BinaryCoder,
  models: FileModels,
  file: FileToEncode,
  bulk: BulkSink,
): void {
  const { pool, limit, start, end, operations, coding } = file
  const { trail, copies, tally } = models
  let at = start
  let old = file.predecessor
  const copy = (wanted: number): void => {
    const sure = copies.begin(coder, coding.unitBits, wanted)
    trail.pushTail(pool, at, at + sure)
    copies.skipped(sure)
    at += sure
    old += sure
    const most = Math.min(end - at, limit - old)
    // The byte that ends a copy is decided on too, unless file or base end there.
    const coded = copies.code(coder, trail, pool, old, pool, at, most, wanted - sure)
    at += coded
    old += coded
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
    models.operations.codeLiterals(coder, literals, end - at)
    models.tally.add('counts', coder)
    encodeLiterals(coder, models, file, at, literals, old, bulk)
    at += literals
    if (at >= end) break
    const from = operations[i + 1] as number
    models.operations.codePlace(coder, { from, end: Math.max(0, old), literals, at: at - start })
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
  const { trail } = models
  let at = start
  let old = Math.max(0, file.predecessor)
  for (let i = 0; at < end; i += 3) {
    const literals = i < operations.length ? (operations[i] as number) : end - at
    models.operations.codeLiterals(coder, literals, end - at)
    models.tally.add('counts', coder)
    at += literals
    if (at >= end) break
    const from = operations[i + 1] as number
    const count = operations[i + 2] as number
    models.operations.codePlace(coder, { from, end: old, literals, at: at - start })
    models.tally.add('places', coder)
    models.operations.codeCopy(coder, count, end - at)
    models.tally.add('counts', coder)
    at += count
    old = from + count
  }
  at = start
  old = file.predecessor
  for (let i = 0; at < end; i += 3) {
    const literals = i < operations.length ? (operations[i] as number) : end - at
    encodeLiterals(coder, models, file, at, literals, old, bulk)
    at += literals
    if (at >= end) break
    const from = operations[i + 1] as number
    const count = operations[i + 2] as number
    models.differences.code(coder, pool, from, pool, at, count, count)
    models.tally.add('differences', coder)
    trail.pushTail(pool, at, at + count)
    at += count
    old = from + count
  }
}

function encodeLiterals(
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
    bulk(pool.subarray(at, at + count))
    models.trail.pushTail(pool, at, at + count)
    return
  }
  const besideEnd = old < 0 ? 0 : file.limit
  models.literals.code(coder, models.trail, pool, at, count, pool, Math.max(0, old), besideEnd, 0)
  models.tally.add('literals', coder)
}
