import { createHash } from 'node:crypto'
import { storeError } from '../errors.ts'

/** Hexadecimal digits of a checksum. */
const checkLength = 16

/**
 * What all records together must be: LevelDB neither checks its blocks when it reads them nor
 * tells when its log lost records, so every batch carries this along.
 */
export interface Seal {
  /** How many batches there were. */
  readonly sequence: number
  readonly count: number
  /** The sum of all checksums modulo 2^64. */
  readonly sum: bigint
}

export const emptySeal: Seal = { sequence: 0, count: 0, sum: 0n }

/** A record as it is stored: a checksum over key and text, then the text. */
export function sealValue(key: string, json: string): string {
  return checksum(key, json) + json
}

/** @throws LW_STORE_RECORDS_DAMAGED */
export function openValue(key: string, stored: string): string {
  const json = stored.slice(checkLength)
  if (stored.slice(0, checkLength) !== checksum(key, json)) throw damage('A record was altered.')
  return json
}

/** What a stored record adds to the sum. */
export function checkOf(stored: string): bigint {
  return BigInt(`0x${stored.slice(0, checkLength)}`)
}

function checksum(key: string, json: string): string {
  return createHash('sha256')
    .update(key)
    .update('\0')
    .update(json)
    .digest('hex')
    .slice(0, checkLength)
}

export function encodeSeal(seal: Seal): string {
  return JSON.stringify({ ...seal, sum: seal.sum.toString(16) })
}

/** @throws LW_STORE_RECORDS_DAMAGED */
export function parseSeal(json: string): Seal {
  const seal = JSON.parse(json) as { sequence: number; count: number; sum: string }
  return { sequence: seal.sequence, count: seal.count, sum: BigInt(`0x${seal.sum}`) }
}

/** The seal after changes, each with the stored value before and after. */
export function nextSeal(
  seal: Seal,
  changes: Iterable<{ readonly before: string | undefined; readonly after: string | undefined }>,
): Seal {
  let { count, sum } = seal
  for (const { before, after } of changes) {
    if (before !== undefined) {
      count--
      sum -= checkOf(before)
    }
    if (after !== undefined) {
      count++
      sum += checkOf(after)
    }
  }
  return { sequence: seal.sequence + 1, count, sum: BigInt.asUintN(64, sum) }
}

export function damage(detail: string, cause?: unknown): ReturnType<typeof storeError> {
  return storeError('LW_STORE_RECORDS_DAMAGED', {
    detail,
    untouched: 'The damaged records are kept as they are.',
    ...(cause === undefined ? {} : { cause }),
  })
}
