import { CompiledQuery, type Kysely, type Transaction } from 'kysely'
import { limits } from '../limits.ts'
import { isPostgres } from './dialects.ts'
import type { Tables } from './schema.ts'

export type Reading = Kysely<Tables>
export type Writing = Transaction<Tables>

/** What the records modules need of a database, whichever it is. */
export interface RecordsDatabase {
  /** For reads that need no transaction; never waits for a writer. */
  readonly reader: Reading
  /**
   * Runs work in one serialisable transaction; it is undone when the work throws. The work may run
   * again when the database could not order it.
   */
  transaction<T>(work: (tx: Writing) => Promise<T>): Promise<T>
  /** The size of an object that a channel refers to; prepared, for the hot path. */
  referencedSize(channel: string, sha256: Uint8Array): Promise<number | undefined>
  backup(file: string): Promise<void>
  check(): Promise<readonly string[]>
  close(): Promise<void>
}

/** Retries of a transaction that the database could not order. */
const attemptsMax = 5

/** Runs a transaction again when another one was in its way. */
export async function withRetries<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === attemptsMax || !isOrderFailure(error)) throw error
    }
  }
}

function isOrderFailure(error: unknown): boolean {
  // serialization_failure and deadlock_detected of PostgreSQL.
  return error instanceof Error && 'code' in error && /^40(001|P01)$/.test(String(error.code))
}

export type Value = string | number | Uint8Array | null

export interface BulkInsert {
  readonly table: keyof Tables
  readonly columns: readonly string[]
  /** What follows `on conflict`. */
  readonly onConflict?: string
  readonly rows: readonly (readonly Value[])[]
}

/** Inserts many rows with few statements whose text repeats, so that they stay prepared. */
export async function insertRows(tx: Writing, insert: BulkInsert): Promise<void> {
  for (const rows of chunksOf(insert.rows, limits.rowsPerStatement)) {
    const tuples = rows.map((_, row) => `(${placeholders(tx, insert.columns.length, row)})`)
    const text =
      `insert into ${insert.table} (${insert.columns.join(', ')}) values ${tuples.join(', ')}` +
      (insert.onConflict === undefined ? '' : ` on conflict ${insert.onConflict}`)
    await tx.executeQuery(CompiledQuery.raw(text, rows.flat()))
    await otherWork()
  }
}

/**
 * Runs a statement whose text is always the same, so that it is built once and stays prepared.
 * @param text with a `?` for each value
 */
export async function runPrepared(
  tx: Writing,
  text: string,
  values: readonly Value[],
): Promise<void> {
  let at = 0
  const known = isPostgres(tx) ? text.replace(/\?/g, () => `$${++at}`) : text
  await tx.executeQuery(CompiledQuery.raw(known, [...values]))
}

function placeholders(tx: Writing, columns: number, row: number): string {
  const first = row * columns + 1
  const isNumbered = isPostgres(tx)
  return Array.from({ length: columns }, (_, at) => (isNumbered ? `$${first + at}` : '?')).join(
    ', ',
  )
}

/** Lets other work of the process run between the parts of a long job. */
export function otherWork(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** Splits a list into parts of at most `size`. */
export function* chunksOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}
