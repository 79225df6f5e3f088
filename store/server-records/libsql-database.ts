import Libsql from 'libsql'
import type { SqliteDatabase, SqliteStatement } from 'kysely'
import { storeError } from '../errors.ts'
import { limits } from '../limits.ts'

/**
 * A libsql connection as Kysely takes one, made safe: libsql aborts the whole process when it is
 * handed a boolean, returns bytes in two kinds, and cuts text at NUL. Statements are kept prepared.
 */
export class LibsqlDatabase implements SqliteDatabase {
  readonly #database: Libsql.Database
  readonly #statements = new Map<string, LibsqlStatement>()

  /** @throws LW_STORE_NO_PERMISSION, LW_STORE_RECORDS_DAMAGED */
  constructor(file: string, options: { readonly isReadOnly: boolean }) {
    this.#database = translating(() => new Libsql(file, { timeout: limits.busyTimeoutMs }))
    try {
      this.#configure(options.isReadOnly)
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  #configure(isReadOnly: boolean): void {
    this.execute('PRAGMA journal_mode = WAL')
    // FULL: what was committed survives a power cut.
    this.execute('PRAGMA synchronous = FULL')
    this.execute('PRAGMA foreign_keys = ON')
    if (isReadOnly) this.execute('PRAGMA query_only = ON')
    // From here on only the beginning of a transaction can meet another one, and that waits aside.
    else this.execute('PRAGMA busy_timeout = 0')
  }

  prepare(sql: string): LibsqlStatement {
    const known = this.#statements.get(sql)
    if (known !== undefined) {
      // The least recently used is first.
      this.#statements.delete(sql)
      this.#statements.set(sql, known)
      return known
    }
    const statement = translating(() => new LibsqlStatement(this.#database.prepare(sql)))
    this.#statements.set(sql, statement)
    const oldest = this.#statements.keys().next().value
    if (this.#statements.size > limits.statementsMax && oldest !== undefined) {
      this.#statements.delete(oldest)
    }
    return statement
  }

  /** Runs a statement that may return rows and takes no parameters. */
  execute(sql: string): readonly unknown[] {
    const statement = translating(() => new LibsqlStatement(this.#database.prepare(sql)))
    if (statement.reader) return statement.all([])
    statement.run([])
    return []
  }

  /** Empties the write-ahead log into the database file, as far as nobody reads it. */
  checkpoint(): void {
    this.execute('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  /** libsql gives the file back when the last statement is collected, no sooner. */
  close(): void {
    this.#statements.clear()
    this.#database.close()
  }
}

class LibsqlStatement implements SqliteStatement {
  readonly reader: boolean
  readonly #statement: Libsql.Statement

  constructor(statement: Libsql.Statement) {
    this.#statement = statement
    this.reader = statement.reader
  }

  all(parameters: readonly unknown[]): unknown[] {
    const bound = parameters.map(bindable)
    const rows = translating(() => this.#statement.all(bound))
    for (const row of rows) asBuffers(row as Record<string, unknown>)
    return rows
  }

  run(parameters: readonly unknown[]): Libsql.RunResult {
    const bound = parameters.map(bindable)
    return translating(() => this.#statement.run(bound))
  }

  iterate(parameters: readonly unknown[]): IterableIterator<unknown> {
    return this.all(parameters).values()
  }

  /** The first row or undefined; the fast way for hot look-ups. */
  first(parameters: readonly unknown[]): unknown {
    return translating(() => this.#statement.get(parameters))
  }
}

function bindable(value: unknown): unknown {
  if (value === null || typeof value === 'bigint' || value instanceof Uint8Array) return value
  if (typeof value === 'number' && Number.isFinite(value)) {
    // libsql binds numbers as floating point; integers shall be compared and added as such.
    return Number.isSafeInteger(value) ? BigInt(value) : value
  }
  if (typeof value === 'string' && !value.includes('\0')) return value
  throw new TypeError(`cannot be stored: a value of type ${typeof value}`)
}

function asBuffers(row: Record<string, unknown>): void {
  for (const key in row) {
    const value = row[key]
    if (value instanceof ArrayBuffer) row[key] = Buffer.from(value)
  }
}

function translating<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw sqliteFailure(error)
  }
}

const codes = [
  ['SQLITE_FULL', 'LW_STORE_DISK_FULL'],
  ['SQLITE_BUSY', 'LW_STORE_LOCKED'],
  ['SQLITE_LOCKED', 'LW_STORE_LOCKED'],
  ['SQLITE_CORRUPT', 'LW_STORE_RECORDS_DAMAGED'],
  ['SQLITE_NOTADB', 'LW_STORE_RECORDS_DAMAGED'],
  ['SQLITE_IOERR', 'LW_STORE_IO'],
  ['SQLITE_CANTOPEN', 'LW_STORE_NO_PERMISSION'],
  ['SQLITE_READONLY', 'LW_STORE_NO_PERMISSION'],
  ['SQLITE_PERM', 'LW_STORE_NO_PERMISSION'],
] as const

/** Errors that a reader can do something about; constraint and syntax errors stay as they are. */
function sqliteFailure(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const code = 'code' in error ? String(error.code) : ''
  const known = codes.find(([prefix]) => code.startsWith(prefix))?.[1]
  if (known !== undefined) {
    return storeError(known, { detail: 'It happened in the database of records.', cause: error })
  }
  if (code === '' && error.message.startsWith('ConnectionFailed')) {
    return storeError('LW_STORE_NO_PERMISSION', {
      detail: 'The database of records could not be opened.',
      cause: error,
    })
  }
  return error
}

/** Whether a row that must be unique was there already. */
export function isUniqueViolation(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  // 23505: unique_violation of PostgreSQL.
  return /^(SQLITE_CONSTRAINT_(PRIMARYKEY|UNIQUE)|23505)$/.test(String(error.code))
}
