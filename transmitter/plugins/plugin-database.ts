import Libsql from 'libsql'
import type { PluginDatabase, PluginFeedback, SqlRow, SqlValue } from './plugin-api.ts'

/** A SQLite file as plug-ins use it: values that libsql would fall over are made sound first. */
export class SqliteFile implements PluginDatabase {
  readonly #database: Libsql.Database

  constructor(file: string, options: { readonly isReadOnly?: boolean } = {}) {
    // Waiting for a lock stops the whole process.
    this.#database = new Libsql(file, { timeout: busyTimeoutMs })
    if (options.isReadOnly === true) this.exec('PRAGMA query_only = ON')
  }

  exec(sql: string): void {
    this.#database.exec(sql)
  }

  get isInTransaction(): boolean {
    return this.#database.inTransaction
  }

  run(sql: string, ...parameters: readonly SqlValue[]): { readonly changes: number } {
    const { changes } = this.#database.prepare(sql).run(parameters.map(bound))
    return { changes }
  }

  get(sql: string, ...parameters: readonly SqlValue[]): SqlRow | undefined {
    return this.all(sql, ...parameters)[0]
  }

  all(sql: string, ...parameters: readonly SqlValue[]): SqlRow[] {
    const rows = this.#database.prepare(sql).all(parameters.map(bound)) as SqlRow[]
    for (const row of rows) {
      for (const [name, value] of Object.entries(row)) {
        if ((value as unknown) instanceof ArrayBuffer) {
          row[name] = Buffer.from(value as unknown as ArrayBuffer)
        }
      }
    }
    return rows
  }
}

const busyTimeoutMs = 500

function bound(value: SqlValue): unknown {
  // libsql ends the process when it is handed a boolean, and binds numbers as floating point.
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  return value
}

/** An entry of feedback with what its id is made of. */
export type FeedbackOfCall = PluginFeedback & { readonly epoch: string }

interface Waiting {
  /** Does the work; what it returns tells the caller, once all is durable. */
  readonly run: () => Promise<() => void>
  readonly reject: (error: unknown) => void
}

/** Transactions that become durable together. */
const groupMax = 128

/**
 * The plug-in's own database. It notes with each transaction how far each tuner's feedback was
 * worked on, in that very transaction: that is what makes effects happen exactly once.
 */
export class OwnDatabase {
  /** For reading and for writing beside transactions; it never sees half of one. */
  readonly beside: SqliteFile
  readonly #writer: SqliteFile
  readonly #waiting: Waiting[] = []
  #running: Promise<void> | undefined
  #begun = 0
  #workInHand: number | undefined

  constructor(file: string) {
    this.#writer = new SqliteFile(file)
    this.#writer.exec('PRAGMA journal_mode = WAL')
    this.#writer.exec('PRAGMA synchronous = FULL')
    this.#writer.exec(
      'CREATE TABLE IF NOT EXISTS longwave_processed (tuner TEXT NOT NULL, epoch TEXT NOT NULL,' +
        ' sequence INTEGER NOT NULL, PRIMARY KEY (tuner, epoch))',
    )
    this.beside = new SqliteFile(file)
    this.beside.exec('PRAGMA synchronous = FULL')
  }

  /** Names the work of the transaction that is under way: another number, another work. */
  get workInHand(): number | undefined {
    return this.#workInHand
  }

  /** See `PluginCallContext.transaction`. What waits at the same time becomes durable together. */
  transaction<T>(
    entries: readonly FeedbackOfCall[],
    work: (database: PluginDatabase, entries: readonly PluginFeedback[]) => T | Promise<T>,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        run: async () => {
          const result = await this.#work(entries, work)
          return () => resolve(result)
        },
        reject,
      })
      this.#running ??= this.#runAll()
    })
  }

  async #runAll(): Promise<void> {
    // Calls that were handed over together begin in the same turn.
    await Promise.resolve()
    while (this.#waiting.length > 0) await this.#runGroup(this.#waiting.splice(0, groupMax))
    this.#running = undefined
  }

  /** One transaction for several: each has its savepoint, so that one that fails undoes itself. */
  async #runGroup(group: readonly Waiting[]): Promise<void> {
    const db = this.#writer
    const done: (() => void)[] = []
    try {
      db.exec('BEGIN IMMEDIATE')
      for (const { run, reject } of group) {
        db.exec('SAVEPOINT one')
        this.#workInHand = ++this.#begun
        try {
          done.push(await run())
        } catch (error) {
          db.exec('ROLLBACK TO one')
          reject(error)
        } finally {
          this.#workInHand = undefined
        }
        db.exec('RELEASE one')
      }
      db.exec('COMMIT')
    } catch (error) {
      if (db.isInTransaction) db.exec('ROLLBACK')
      for (const { reject } of group) reject(error)
      return
    }
    for (const resolve of done) resolve()
  }

  async #work<T>(
    entries: readonly FeedbackOfCall[],
    work: (database: PluginDatabase, entries: readonly PluginFeedback[]) => T | Promise<T>,
  ): Promise<T> {
    const db = this.#writer
    const fresh = entries.filter((entry) => entry.sequence > this.#processed(entry))
    const result = await work(db, fresh)
    for (const { tuner, epoch, sequence } of fresh) {
      db.run(
        'INSERT INTO longwave_processed (tuner, epoch, sequence) VALUES (?, ?, ?)' +
          ' ON CONFLICT (tuner, epoch) DO UPDATE SET sequence = max(sequence, excluded.sequence)',
        tuner,
        epoch,
        sequence,
      )
    }
    return result
  }

  #processed({ tuner, epoch }: { readonly tuner: string; readonly epoch: string }): number {
    const row = this.#writer.get(
      'SELECT sequence FROM longwave_processed WHERE tuner = ? AND epoch = ?',
      tuner,
      epoch,
    )
    return Number(row?.['sequence'] ?? 0)
  }
}
