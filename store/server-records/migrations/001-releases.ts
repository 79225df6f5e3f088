import type { Kysely, Migration } from 'kysely'
import { blobType } from './column-types.ts'

/** Channels, their releases and objects, trust files, uploads, bundles, tokens, settings. */
export const releases: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createChannels(db)
    await createObjects(db)
    await createUploads(db)
    await createBundles(db)
    await createDeletions(db)
    await createTokens(db)
  },
}

async function createChannels(db: Kysely<unknown>): Promise<void> {
  const blob = blobType(db)
  await db.schema
    .createTable('channels')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('name', 'varchar(64)', (column) => column.notNull().unique())
    .addColumn('channel_id', blob, (column) => column.notNull())
    .addColumn('state', 'varchar(16)', (column) => column.notNull())
    .addColumn('access', 'varchar(16)', (column) => column.notNull())
    .addColumn('head_release', 'bigint', (column) => column.notNull())
    .addColumn('root_version', 'bigint', (column) => column.notNull())
    .addColumn('targets_version', 'bigint', (column) => column.notNull())
    .addColumn('snapshot_version', 'bigint', (column) => column.notNull())
    .addColumn('timestamp_version', 'bigint', (column) => column.notNull())
    .addColumn('online_key', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema
    .createTable('releases')
    .addColumn('channel', 'integer', (column) => column.notNull().references('channels.id'))
    .addColumn('release', 'bigint', (column) => column.notNull())
    .addColumn('label', 'text')
    .addColumn('manifest_sha256', blob, (column) => column.notNull())
    .addColumn('manifest_bytes', 'bigint', (column) => column.notNull())
    .addColumn('published_at', 'bigint', (column) => column.notNull())
    .addColumn('entries', 'bigint', (column) => column.notNull())
    .addColumn('total_bytes', 'bigint', (column) => column.notNull())
    .addColumn('retained', 'integer', (column) => column.notNull())
    .addColumn('ended', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('releases_key', ['channel', 'release'])
    .execute()
  await db.schema
    .createIndex('releases_manifest')
    .on('releases')
    .columns(['channel', 'manifest_sha256'])
    .execute()
  await db.schema
    .createTable('trust_files')
    .addColumn('channel', 'integer', (column) => column.notNull().references('channels.id'))
    .addColumn('file', 'varchar(64)', (column) => column.notNull())
    .addColumn('role', 'varchar(16)', (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('bytes', blob, (column) => column.notNull())
    .addColumn('made_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('trust_files_key', ['channel', 'file'])
    .execute()
}

async function createObjects(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('object_ranges')
    .addColumn('channel', 'integer', (column) => column.notNull().references('channels.id'))
    .addColumn('sha256', blobType(db), (column) => column.notNull())
    .addColumn('size', 'bigint', (column) => column.notNull())
    .addColumn('first_release', 'bigint', (column) => column.notNull())
    .addColumn('last_release', 'bigint')
    .addColumn('leaves_at', 'bigint')
    .addPrimaryKeyConstraint('object_ranges_key', ['channel', 'sha256', 'first_release'])
    .execute()
  // Whether any channel refers to an object.
  await db.schema.createIndex('object_ranges_sha256').on('object_ranges').column('sha256').execute()
  await db.schema
    .createIndex('object_ranges_leaves')
    .on('object_ranges')
    .column('leaves_at')
    .where('leaves_at', 'is not', null)
    .execute()
}

async function createUploads(db: Kysely<unknown>): Promise<void> {
  const blob = blobType(db)
  await db.schema
    .createTable('uploads')
    .addColumn('id', 'varchar(64)', (column) => column.primaryKey())
    // No reference: before its first commit the channel is nowhere.
    .addColumn('channel', 'varchar(64)', (column) => column.notNull())
    .addColumn('manifest_sha256', blob, (column) => column.notNull())
    .addColumn('base_targets_version', 'bigint', (column) => column.notNull())
    .addColumn('online_key', 'text')
    .addColumn('state', 'varchar(16)', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema
    .createIndex('uploads_channel')
    .on('uploads')
    .columns(['state', 'channel'])
    .execute()
  await db.schema
    .createTable('upload_objects')
    .addColumn('upload', 'varchar(64)', (column) => column.notNull().references('uploads.id'))
    .addColumn('sha256', blob, (column) => column.notNull())
    .addColumn('size', 'bigint', (column) => column.notNull())
    .addColumn('delivered', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('upload_objects_key', ['upload', 'sha256'])
    .execute()
  await db.schema
    .createIndex('upload_objects_sha256')
    .on('upload_objects')
    .column('sha256')
    .execute()
}

async function createBundles(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('bundles')
    .addColumn('channel', 'integer', (column) => column.notNull().references('channels.id'))
    .addColumn('from_release', 'bigint', (column) => column.notNull())
    .addColumn('to_release', 'bigint', (column) => column.notNull())
    .addColumn('format', 'varchar(64)', (column) => column.notNull())
    .addColumn('sha256', blobType(db))
    .addColumn('size', 'bigint')
    .addColumn('effort', 'integer', (column) => column.notNull())
    .addColumn('made_at', 'bigint')
    .addColumn('pending_sha256', blobType(db))
    .addColumn('pending_size', 'bigint')
    .addColumn('making_since', 'bigint')
    .addColumn('failed_at', 'bigint')
    .addPrimaryKeyConstraint('bundles_key', ['channel', 'from_release', 'to_release', 'format'])
    .execute()
  await db.schema.createIndex('bundles_sha256').on('bundles').column('sha256').execute()
  await db.schema.createIndex('bundles_pending').on('bundles').column('pending_sha256').execute()
}

async function createDeletions(db: Kysely<unknown>): Promise<void> {
  const blob = blobType(db)
  await db.schema
    .createTable('unreferenced_objects')
    .addColumn('sha256', blob, (column) => column.primaryKey())
    .addColumn('size', 'bigint', (column) => column.notNull())
    .addColumn('deletable_at', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema
    .createIndex('unreferenced_objects_time')
    .on('unreferenced_objects')
    .column('deletable_at')
    .execute()
  await db.schema
    .createTable('deletions')
    .addColumn('sha256', blob, (column) => column.primaryKey())
    .addColumn('worker', 'varchar(64)', (column) => column.notNull())
    .addColumn('since', 'bigint', (column) => column.notNull())
    .execute()
}

async function createTokens(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('tokens')
    .addColumn('id', 'varchar(64)', (column) => column.primaryKey())
    .addColumn('hash', blobType(db), (column) => column.notNull().unique())
    .addColumn('scope', 'varchar(64)', (column) => column.notNull())
    .addColumn('channels', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('note', 'text')
    .execute()
  await db.schema
    .createTable('settings')
    .addColumn('key', 'varchar(128)', (column) => column.primaryKey())
    .addColumn('value', 'text', (column) => column.notNull())
    .execute()
}
