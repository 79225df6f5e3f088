import { storeError } from '../errors.ts'
import { limits } from '../limits.ts'
import { findChannelId } from './channel-records.ts'
import type { Reading, RecordsDatabase, Writing } from './records-database.ts'
import { bytesOfDigest, objectOf } from './rows.ts'
import type { BundlesTable } from './schema.ts'
import type { BundleKey, BundleRecord, BundleRecords, ObjectRecord } from './server-records.ts'
import { findLeaving } from './upload-records.ts'

export function createBundleRecords(database: RecordsDatabase): BundleRecords {
  const { reader } = database
  return {
    async find(key) {
      const channel = await findChannelId(reader, key.channel)
      if (channel === undefined) return undefined
      const row = await findBundleRow(reader, channel, key)
      return row === undefined ? undefined : bundleOf(key, row)
    },
    async list(channel) {
      const rows = await reader
        .selectFrom('bundles')
        .innerJoin('channels', 'channels.id', 'bundles.channel')
        .selectAll('bundles')
        .where('channels.name', '=', channel)
        .orderBy('to_release')
        .orderBy('from_release')
        .orderBy('format')
        .execute()
      return rows.map((row) =>
        bundleOf(
          {
            channel,
            fromRelease: row.from_release,
            toRelease: row.to_release,
            format: row.format,
          },
          row,
        ),
      )
    },
    async holds(channel, digest) {
      const row = await reader
        .selectFrom('bundles')
        .innerJoin('channels', 'channels.id', 'bundles.channel')
        .select('bundles.channel')
        .where('channels.name', '=', channel)
        .where('sha256', '=', bytesOfDigest(digest))
        .executeTakeFirst()
      return row !== undefined
    },
    announce: (key, object) => database.transaction((tx) => announceBundle(tx, key, object)),
    begin: (key, options) => database.transaction((tx) => beginBundle(tx, key, options)),
    ready: (key, made) => database.transaction((tx) => storeBundle(tx, key, made)),
    failed: (key, atMs) =>
      database.transaction(async (tx) => {
        const channel = await requireChannel(tx, key)
        await updateBundle(tx, channel, key, { making_since: null, failed_at: atMs })
      }),
    delete: (key, atMs) => database.transaction((tx) => deleteBundle(tx, key, atMs)),
  }
}

function bundleOf(key: BundleKey, row: BundlesTable): BundleRecord {
  const { channel, fromRelease, toRelease, format } = key
  const common = { channel, fromRelease, toRelease, format, effort: row.effort }
  if (row.sha256 !== null && row.size !== null) {
    const object = objectOf({ sha256: row.sha256, size: row.size })
    return { ...common, state: 'ready', object, atMs: row.made_at ?? 0 }
  }
  return row.making_since === null
    ? { ...common, state: 'failed', atMs: row.failed_at ?? 0 }
    : { ...common, state: 'making', atMs: row.making_since }
}

function findBundleRow(
  db: Reading | Writing,
  channel: number,
  key: BundleKey,
): Promise<BundlesTable | undefined> {
  return db
    .selectFrom('bundles')
    .selectAll()
    .where('channel', '=', channel)
    .where('from_release', '=', key.fromRelease)
    .where('to_release', '=', key.toRelease)
    .where('format', '=', key.format)
    .executeTakeFirst()
}

async function requireChannel(tx: Writing, key: BundleKey): Promise<number> {
  const channel = await findChannelId(tx, key.channel)
  if (channel !== undefined) return channel
  throw storeError('LW_STORE_NO_CHANNEL', { detail: `There is no ${key.channel}.` })
}

type BundleChange = Partial<Omit<BundlesTable, 'channel' | 'from_release' | 'to_release'>>

async function updateBundle(
  ...[tx, channel, key, change]: [Writing, number, BundleKey, BundleChange]
): Promise<void> {
  await tx
    .updateTable('bundles')
    .set(change)
    .where('channel', '=', channel)
    .where('from_release', '=', key.fromRelease)
    .where('to_release', '=', key.toRelease)
    .where('format', '=', key.format)
    .execute()
}

async function beginBundle(
  tx: Writing,
  key: BundleKey,
  options: { readonly effort: number; readonly atMs: number; readonly staleBeforeMs: number },
): Promise<boolean> {
  const channel = await requireChannel(tx, key)
  const row = await findBundleRow(tx, channel, key)
  if (row === undefined) {
    await tx
      .insertInto('bundles')
      .values({
        channel,
        from_release: key.fromRelease,
        to_release: key.toRelease,
        format: key.format,
        sha256: null,
        size: null,
        effort: options.effort,
        made_at: null,
        pending_sha256: null,
        pending_size: null,
        making_since: options.atMs,
        failed_at: null,
      })
      .execute()
    return true
  }
  if (row.making_since !== null && row.making_since >= options.staleBeforeMs) return false
  if (row.sha256 !== null && row.effort >= options.effort) return false
  // The effort of a ready bundle stays its own until a better one replaces it.
  const effort = row.sha256 === null ? options.effort : row.effort
  await releaseObject(tx, { sha256: row.pending_sha256, size: row.pending_size }, options.atMs)
  await updateBundle(tx, channel, key, {
    making_since: options.atMs,
    failed_at: null,
    effort,
    pending_sha256: null,
    pending_size: null,
  })
  return true
}

async function announceBundle(tx: Writing, key: BundleKey, object: ObjectRecord): Promise<void> {
  const channel = await requireChannel(tx, key)
  const leaving = await findLeaving(tx, [object.digest])
  if (leaving !== undefined) throw storeError('LW_STORE_OBJECT_LEAVING', { detail: `${leaving}.` })
  await updateBundle(tx, channel, key, {
    pending_sha256: bytesOfDigest(object.digest),
    pending_size: object.size,
  })
}

async function storeBundle(
  tx: Writing,
  key: BundleKey,
  made: Parameters<BundleRecords['ready']>[1],
): Promise<void> {
  const channel = await requireChannel(tx, key)
  const row = await findBundleRow(tx, channel, key)
  if (row === undefined || row.pending_sha256 === null) {
    throw storeError('LW_STORE_BUNDLE_GONE', { untouched: 'The bundle before it stays.' })
  }
  await releaseObject(tx, row, made.atMs)
  await updateBundle(tx, channel, key, {
    sha256: row.pending_sha256,
    size: row.pending_size,
    effort: made.effort,
    made_at: made.atMs,
    pending_sha256: null,
    pending_size: null,
    making_since: null,
    failed_at: null,
  })
}

async function deleteBundle(tx: Writing, key: BundleKey, atMs: number): Promise<void> {
  const channel = await requireChannel(tx, key)
  const row = await findBundleRow(tx, channel, key)
  if (row === undefined) return
  await releaseObject(tx, row, atMs)
  await releaseObject(tx, { sha256: row.pending_sha256, size: row.pending_size }, atMs)
  await tx
    .deleteFrom('bundles')
    .where('channel', '=', channel)
    .where('from_release', '=', key.fromRelease)
    .where('to_release', '=', key.toRelease)
    .where('format', '=', key.format)
    .execute()
}

/** Whoever is downloading the old bytes has time to finish. */
async function releaseObject(
  tx: Writing,
  row: Pick<BundlesTable, 'sha256' | 'size'>,
  atMs: number,
): Promise<void> {
  if (row.sha256 === null || row.size === null) return
  await tx
    .insertInto('unreferenced_objects')
    .values({ sha256: row.sha256, size: row.size, deletable_at: atMs + limits.orphanGraceMs })
    .onConflict((conflict) => conflict.column('sha256').doNothing())
    .execute()
}
