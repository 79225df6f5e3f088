import {
  type DialectAdapter,
  type Driver,
  type Kysely,
  PostgresAdapter,
  SqliteAdapter,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
  CompiledQuery,
  type DatabaseConnection,
} from 'kysely'
import { isLongwaveError } from '../../protocol/index.ts'
import { limits } from '../limits.ts'

/** Where the databases differ although the SQL is the same. */
export function isPostgres(db: Pick<Kysely<never>, 'getExecutor'>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}

/** SQLite as several processes use it on one file. */
export class SharedSqliteDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig

  constructor(config: SqliteDialectConfig) {
    super(config)
    this.#config = config
  }

  override createDriver(): Driver {
    return new ImmediateDriver(this.#config)
  }

  override createAdapter(): DialectAdapter {
    return new TransactionalAdapter()
  }
}

/** A transaction that takes the write lock late can only fail when another process wrote before. */
class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    const attemptsMax = limits.busyTimeoutMs / limits.busyRetryMs
    for (let attempt = 1; ; attempt++) {
      try {
        await connection.executeQuery(CompiledQuery.raw('begin immediate'))
        return
      } catch (error) {
        // SQLite's own waiting would stop this whole process.
        if (!isLongwaveError(error, 'LW_STORE_LOCKED') || attempt >= attemptsMax) throw error
        await pause(limits.busyRetryMs)
      }
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** SQLite undoes changes of tables, too; a migration is made whole or not at all. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}
