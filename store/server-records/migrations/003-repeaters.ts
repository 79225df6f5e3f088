import type { Kysely, Migration } from 'kysely'
import { blobType } from './column-types.ts'

/** Repeaters that dialled in, releases prepared for them, and which tuner was sent to which. */
export const repeaters: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createRegistry(db)
    await createPreparations(db)
    await createAssignments(db)
  },
}

async function createRegistry(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('repeaters')
    .addColumn('url', 'text', (column) => column.primaryKey())
    .addColumn('seen_at', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('repeater_channels')
    .addColumn('url', 'text', (column) => column.notNull())
    // By name: what a repeater says is compared, never joined.
    .addColumn('channel', 'varchar(64)', (column) => column.notNull())
    .addColumn('release', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('repeater_channels_key', ['channel', 'url'])
    .execute()
  await db.schema
    .createIndex('repeater_channels_url')
    .on('repeater_channels')
    .column('url')
    .execute()
}

async function createPreparations(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('preparations')
    .addColumn('id', 'varchar(64)', (column) => column.primaryKey())
    .addColumn('channel', 'varchar(64)', (column) => column.notNull())
    .addColumn('release', 'bigint', (column) => column.notNull())
    .addColumn('manifest_sha256', blobType(db), (column) => column.notNull())
    .addColumn('roots', 'text', (column) => column.notNull())
    .addColumn('targets', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('preparations_ready')
    .addColumn('preparation', 'varchar(64)', (column) => column.notNull())
    .addColumn('url', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('preparations_ready_key', ['preparation', 'url'])
    .execute()
}

async function createAssignments(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('assignments')
    .addColumn('channel', 'integer', (column) => column.notNull().references('channels.id'))
    .addColumn('tuner', blobType(db), (column) => column.notNull())
    // NULL is the origin itself.
    .addColumn('repeater', 'text')
    .addColumn('assigned_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('assignments_key', ['channel', 'tuner'])
    .execute()
  // Counted along, so that an assignment among a million does not count a million.
  await db.schema
    .createTable('assignment_loads')
    .addColumn('channel', 'integer', (column) => column.notNull().references('channels.id'))
    .addColumn('repeater', 'text', (column) => column.notNull())
    .addColumn('tuners', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('assignment_loads_key', ['channel', 'repeater'])
    .execute()
}
