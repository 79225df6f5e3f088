import type { Kysely, Migration } from 'kysely'
import { blobType } from './column-types.ts'

/** Feedback of tuners, and the overlays that plug-ins made for them. */
export const feedback: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createStreams(db)
    await createLog(db)
    await createOverlays(db)
  },
}

async function createStreams(db: Kysely<unknown>): Promise<void> {
  const blob = blobType(db)
  await db.schema
    .createTable('feedback_streams')
    .addColumn('channel', 'integer', (column) => column.notNull().references('channels.id'))
    .addColumn('tuner', blob, (column) => column.notNull())
    .addColumn('epoch', blob, (column) => column.notNull())
    .addColumn('number', 'bigint', (column) => column.notNull())
    .addColumn('sequence', 'bigint', (column) => column.notNull())
    .addColumn('delivered', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('feedback_streams_key', ['channel', 'tuner', 'epoch'])
    .execute()
  // What a plug-in has not had yet, without a look at the streams that are done with.
  await db.schema
    .createIndex('feedback_streams_owed')
    .on('feedback_streams')
    .column('channel')
    .where((where) => where('delivered' as never, '<', where.ref('sequence' as never)))
    .execute()
}

async function createLog(db: Kysely<unknown>): Promise<void> {
  const blob = blobType(db)
  await db.schema
    .createTable('feedback_heads')
    .addColumn('channel', 'integer', (column) => column.primaryKey().references('channels.id'))
    .addColumn('position', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('feedback')
    .addColumn('channel', 'integer', (column) => column.notNull().references('channels.id'))
    .addColumn('position', 'bigint', (column) => column.notNull())
    .addColumn('tuner', blob, (column) => column.notNull())
    .addColumn('epoch', blob, (column) => column.notNull())
    .addColumn('sequence', 'bigint', (column) => column.notNull())
    .addColumn('nonce', blob, (column) => column.notNull())
    .addColumn('appended_at', 'bigint', (column) => column.notNull())
    .addColumn('received_at', 'bigint', (column) => column.notNull())
    .addColumn('type', 'varchar(128)', (column) => column.notNull())
    .addColumn('data', blob, (column) => column.notNull())
    .addPrimaryKeyConstraint('feedback_key', ['channel', 'position'])
    .addUniqueConstraint('feedback_once', ['channel', 'tuner', 'epoch', 'sequence'])
    .execute()
}

async function createOverlays(db: Kysely<unknown>): Promise<void> {
  const blob = blobType(db)
  await db.schema
    .createTable('overlays')
    .addColumn('channel', 'integer', (column) => column.notNull().references('channels.id'))
    .addColumn('tuner', blob, (column) => column.notNull())
    .addColumn('release', 'bigint', (column) => column.notNull())
    .addColumn('serial', 'bigint', (column) => column.notNull())
    .addColumn('statement', 'text', (column) => column.notNull())
    .addColumn('signature', 'varchar(128)', (column) => column.notNull())
    .addColumn('made_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('overlays_key', ['channel', 'tuner'])
    .execute()
  await db.schema
    .createTable('overlay_files')
    .addColumn('channel', 'integer', (column) => column.notNull().references('channels.id'))
    .addColumn('tuner', blob, (column) => column.notNull())
    .addColumn('sha256', blob, (column) => column.notNull())
    .addPrimaryKeyConstraint('overlay_files_key', ['channel', 'tuner', 'sha256'])
    .execute()
  await db.schema.createIndex('overlay_files_sha256').on('overlay_files').column('sha256').execute()
  await db.schema
    .createTable('overlay_contents')
    .addColumn('sha256', blob, (column) => column.primaryKey())
    .addColumn('bytes', blob, (column) => column.notNull())
    .execute()
}
