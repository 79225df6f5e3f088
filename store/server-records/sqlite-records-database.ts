import { chmod, open } from 'node:fs/promises'
import path from 'node:path'
import { CompiledQuery, Kysely, Migrator } from 'kysely'
import { isErrno, storeError } from '../errors.ts'
import { ensureDirectory, fileFailure, nodeFileSystem, syncFile } from '../durable-files/index.ts'
import { SharedSqliteDialect } from './dialects.ts'
import { LibsqlDatabase } from './libsql-database.ts'
import { migrations } from './migrations/index.ts'
import { type RecordsDatabase, withRetries } from './records-database.ts'
import type { Tables } from './schema.ts'

/**
 * Opens the file with one connection that writes and one that reads, so that no read waits for a
 * transaction, and brings its tables up to date.
 * @throws LW_STORE_RECORDS_DAMAGED, LW_STORE_RECORDS_NEWER, LW_STORE_NO_PERMISSION
 */
export async function openSqliteDatabase(file: string): Promise<RecordsDatabase> {
  await makePrivateFile(file)
  const writing = new LibsqlDatabase(file, { isReadOnly: false })
  const writer = new Kysely<Tables>({ dialect: new SharedSqliteDialect({ database: writing }) })
  let reading: LibsqlDatabase
  try {
    await migrate(writer)
    reading = new LibsqlDatabase(file, { isReadOnly: true })
  } catch (error) {
    writing.close()
    throw error
  }
  const reader = new Kysely<Tables>({ dialect: new SharedSqliteDialect({ database: reading }) })
  const sizeOfReferenced = reading.prepare(
    'select o.size from channels c join object_ranges o on o.channel = c.id' +
      ' where c.name = ? and o.sha256 = ? limit 1',
  )
  let isOpen = true
  return {
    reader,
    transaction: (work) =>
      withRetries(() => writer.transaction().setIsolationLevel('serializable').execute(work)),
    async referencedSize(channel, sha256) {
      const row = sizeOfReferenced.first([channel, sha256]) as { size: number } | undefined
      return row?.size
    },
    backup: (to) => backupTo(writing, to),
    check: async () => checkDatabase(reading),
    async close() {
      if (!isOpen) return
      isOpen = false
      reading.close()
      // A transaction that is under way ends first.
      await writer.connection().execute(async () => writing.checkpoint())
      writing.close()
    },
  }
}

/**
 * Tokens' hashes and trust files are nobody else's business, whatever the umask is. A file that
 * exists is never opened here: closing it would end the locks that this process has on it.
 */
async function makePrivateFile(file: string): Promise<void> {
  try {
    await ensureDirectory(nodeFileSystem, path.dirname(file))
    if (!(await isThere(file))) {
      const handle = await open(file, 'wx', 0o600)
      await handle.close()
      await nodeFileSystem.syncDirectory(path.dirname(file))
    }
    if ((await nodeFileSystem.stat(file)).mode !== 0o600) await chmod(file, 0o600)
  } catch (error) {
    throw fileFailure(error, 'the database of records was being opened')
  }
}

async function isThere(file: string): Promise<boolean> {
  try {
    await nodeFileSystem.stat(file)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false
    throw error
  }
}

async function migrate(db: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve({ ...migrations }) },
    migrationTableName: 'migrations',
    migrationLockTableName: 'migrations_lock',
  })
  const known = new Set(Object.keys(migrations))
  const newer = (await executedMigrations(db)).find((name) => !known.has(name))
  if (newer !== undefined) {
    throw storeError('LW_STORE_RECORDS_NEWER', {
      detail: `They have the change ${newer}.`,
      untouched: 'Nothing was changed.',
      next: 'Install the version that wrote them, or a later one.',
    })
  }
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}

async function executedMigrations(db: Kysely<Tables>): Promise<readonly string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some((table) => table.name === 'migrations')) return []
  const { rows } = await db.executeQuery<{ name: string }>(
    CompiledQuery.raw('select name from migrations'),
  )
  return rows.map((row) => row.name)
}

async function backupTo(database: LibsqlDatabase, to: string): Promise<void> {
  try {
    const handle = await open(to, 'wx', 0o600)
    await handle.close()
    // VACUUM INTO takes an empty file; its copy is one moment of the database.
    database.prepare('vacuum into ?').run([to])
    await syncFile(nodeFileSystem, to)
    await nodeFileSystem.syncDirectory(path.dirname(to))
  } catch (error) {
    throw fileFailure(error, 'the records were being copied')
  }
}

function checkDatabase(database: LibsqlDatabase): readonly string[] {
  const integrity = database.execute('PRAGMA integrity_check') as {
    readonly integrity_check: string
  }[]
  const references = database.execute('PRAGMA foreign_key_check') as { readonly table: string }[]
  return [
    ...integrity.map((row) => row.integrity_check).filter((text) => text !== 'ok'),
    ...references.map((row) => `table ${row.table} refers to a row that is not there`),
  ]
}
