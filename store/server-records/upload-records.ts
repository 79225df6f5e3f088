import { type ChannelName, type Digest, digestFromBytes } from '../../protocol/index.ts'
import { storeError } from '../errors.ts'
import { limits } from '../limits.ts'
import {
  type Reading,
  type RecordsDatabase,
  type Writing,
  chunksOf,
  insertRows,
  otherWork,
} from './records-database.ts'
import { bytesOfDigest } from './rows.ts'
import type { UploadsTable } from './schema.ts'
import type { ObjectRecord, UploadRecord, UploadRecords, UploadState } from './server-records.ts'

export function createUploadRecords(database: RecordsDatabase): UploadRecords {
  const { reader } = database
  return {
    async create(upload) {
      await database.transaction((tx) => tx.insertInto('uploads').values(rowOf(upload)).execute())
    },
    async find(id) {
      const row = await findUploadRow(reader, id)
      return row === undefined ? undefined : uploadOf(row)
    },
    async findOpen(channel, manifest) {
      const row = await reader
        .selectFrom('uploads')
        .selectAll()
        .where('state', '=', 'open')
        .where('channel', '=', channel)
        .where('manifest_sha256', '=', bytesOfDigest(manifest))
        .orderBy('created_at', 'desc')
        .executeTakeFirst()
      return row === undefined ? undefined : uploadOf(row)
    },
    async listOpen(channel) {
      let query = reader.selectFrom('uploads').selectAll().where('state', '=', 'open')
      if (channel !== undefined) query = query.where('channel', '=', channel)
      return (await query.orderBy('created_at').execute()).map(uploadOf)
    },
    async extend(id, expiresAtMs) {
      await database.transaction(async (tx) => {
        await requireOpen(tx, id)
        const change = { expires_at: expiresAtMs }
        await tx.updateTable('uploads').set(change).where('id', '=', id).execute()
      })
    },
    lease: (id, objects) => database.transaction((tx) => leaseObjects(tx, id, objects)),
    delivered: (id, digests) => database.transaction((tx) => markDelivered(tx, id, digests)),
    missing: (id, digests) => missingObjects(database, id, digests),
    holds: (id, digest) => holdsObject(database, id, digest),
    abandon: (id, atMs) =>
      database.transaction(async (tx) => {
        const row = await findUploadRow(tx, id)
        if (row?.state === 'open') await closeUpload(tx, { id, state: 'ended', atMs })
      }),
    expire: (nowMs) => database.transaction((tx) => expireUploads(tx, nowMs)),
  }
}

function rowOf(upload: Omit<UploadRecord, 'state'>): UploadsTable {
  return {
    id: upload.id,
    channel: upload.channel,
    manifest_sha256: bytesOfDigest(upload.manifestDigest),
    base_targets_version: upload.baseTargetsVersion,
    online_key: upload.onlineKey ?? null,
    state: 'open',
    created_at: upload.createdAtMs,
    expires_at: upload.expiresAtMs,
  }
}

function uploadOf(row: UploadsTable): UploadRecord {
  return {
    id: row.id,
    channel: row.channel as ChannelName,
    manifestDigest: digestFromBytes(row.manifest_sha256),
    baseTargetsVersion: row.base_targets_version,
    ...(row.online_key === null ? {} : { onlineKey: row.online_key }),
    state: row.state as UploadState,
    createdAtMs: row.created_at,
    expiresAtMs: row.expires_at,
  }
}

function findUploadRow(db: Reading | Writing, id: string): Promise<UploadsTable | undefined> {
  return db.selectFrom('uploads').selectAll().where('id', '=', id).executeTakeFirst()
}

async function requireOpen(db: Reading | Writing, id: string): Promise<UploadsTable> {
  const row = await findUploadRow(db, id)
  if (row?.state === 'open') return row
  throw storeError('LW_STORE_UPLOAD_GONE', { next: 'Publish again: what was sent is not lost.' })
}

async function leaseObjects(
  tx: Writing,
  id: string,
  objects: readonly ObjectRecord[],
): Promise<void> {
  await requireOpen(tx, id)
  const leaving = await findLeaving(
    tx,
    objects.map((object) => object.digest),
  )
  if (leaving !== undefined) throw storeError('LW_STORE_OBJECT_LEAVING', { detail: `${leaving}.` })
  await insertRows(tx, {
    table: 'upload_objects',
    columns: ['upload', 'sha256', 'size', 'delivered'],
    onConflict: 'do nothing',
    rows: objects.map(({ digest, size }) => [id, bytesOfDigest(digest), size, 0]),
  })
}

async function markDelivered(tx: Writing, id: string, digests: readonly Digest[]): Promise<void> {
  await requireOpen(tx, id)
  for (const group of chunksOf(digests, limits.rowsPerStatement)) {
    await tx
      .updateTable('upload_objects')
      .set({ delivered: 1 })
      .where('upload', '=', id)
      .where('sha256', 'in', group.map(bytesOfDigest))
      .execute()
  }
}

async function missingObjects(
  database: RecordsDatabase,
  id: string,
  digests: readonly Digest[],
): Promise<Set<Digest>> {
  const { channel } = await requireOpen(database.reader, id)
  const missing = new Set<Digest>()
  for (const group of chunksOf(digests, limits.rowsPerStatement)) {
    const lacking = await undelivered(database.reader, { upload: id, digests: group })
    for (const digest of lacking) {
      const size = await database.referencedSize(channel, bytesOfDigest(digest))
      if (size === undefined) missing.add(digest)
    }
    await otherWork()
  }
  return missing
}

async function holdsObject(
  database: RecordsDatabase,
  id: string,
  digest: Digest,
): Promise<boolean> {
  const { channel } = await requireOpen(database.reader, id)
  if ((await database.referencedSize(channel, bytesOfDigest(digest))) !== undefined) return true
  return (await undelivered(database.reader, { upload: id, digests: [digest] })).length === 0
}

/** Those of the digests that the upload has not delivered. */
export async function undelivered(
  db: Reading | Writing,
  search: { readonly upload: string; readonly digests: readonly Digest[] },
): Promise<readonly Digest[]> {
  const lacking: Digest[] = []
  for (const group of chunksOf(search.digests, limits.rowsPerStatement)) {
    const rows = await db
      .selectFrom('upload_objects')
      .select('sha256')
      .where('upload', '=', search.upload)
      .where('delivered', '=', 1)
      .where('sha256', 'in', group.map(bytesOfDigest))
      .execute()
    const known = new Set(rows.map((row) => digestFromBytes(row.sha256)))
    for (const digest of group) if (!known.has(digest)) lacking.push(digest)
    await otherWork()
  }
  return lacking
}

/** The first of the digests whose bytes are being deleted. */
export async function findLeaving(
  tx: Writing,
  digests: readonly Digest[],
): Promise<Digest | undefined> {
  const any = await tx.selectFrom('deletions').select('sha256').limit(1).executeTakeFirst()
  if (any === undefined) return undefined
  for (const group of chunksOf(digests, limits.rowsPerStatement)) {
    const row = await tx
      .selectFrom('deletions')
      .select('sha256')
      .where('sha256', 'in', group.map(bytesOfDigest))
      .executeTakeFirst()
    if (row !== undefined) return digestFromBytes(row.sha256)
  }
  return undefined
}

/** Ends an upload; what it leased is left to the deletion, which looks who else refers to it. */
export async function closeUpload(
  tx: Writing,
  close: { readonly id: string; readonly state: 'committed' | 'ended'; readonly atMs: number },
): Promise<void> {
  await requireOpen(tx, close.id)
  const { state } = close
  await tx.updateTable('uploads').set({ state }).where('id', '=', close.id).execute()
  await tx
    .insertInto('unreferenced_objects')
    .columns(['sha256', 'size', 'deletable_at'])
    .expression((from) =>
      from
        .selectFrom('upload_objects')
        .select(['upload_objects.sha256', 'upload_objects.size'])
        .select((select) => select.val(close.atMs + limits.orphanGraceMs).as('deletable_at'))
        .where('upload', '=', close.id)
        .where((is) =>
          is.not(
            is.exists(
              is
                .selectFrom('object_ranges')
                .select('object_ranges.channel')
                .whereRef('object_ranges.sha256', '=', 'upload_objects.sha256'),
            ),
          ),
        ),
    )
    .onConflict((conflict) => conflict.column('sha256').doNothing())
    .execute()
  await tx.deleteFrom('upload_objects').where('upload', '=', close.id).execute()
}

async function expireUploads(tx: Writing, nowMs: number): Promise<readonly string[]> {
  const rows = await tx
    .selectFrom('uploads')
    .select('id')
    .where('state', '=', 'open')
    .where('expires_at', '<=', nowMs)
    .execute()
  for (const { id } of rows) await closeUpload(tx, { id, state: 'ended', atMs: nowMs })
  await tx
    .deleteFrom('uploads')
    .where('state', '!=', 'open')
    .where('expires_at', '<=', nowMs - limits.graceMs)
    .execute()
  return rows.map((row) => row.id)
}
