import { randomUUID } from 'node:crypto'
import type { ChannelName } from '../../protocol/index.ts'
import { limits } from '../limits.ts'
import { findChannelRow } from './channel-records.ts'
import { deleteObjects } from './object-deletion.ts'
import {
  type RecordsDatabase,
  type Writing,
  chunksOf,
  insertRows,
  otherWork,
} from './records-database.ts'
import { findUnknown } from './known-objects.ts'
import { bytesOfDigest, objectOf } from './rows.ts'
import type { ObjectRecord, RetentionRecords, RetentionSummary } from './server-records.ts'

export function createRetentionRecords(database: RecordsDatabase): RetentionRecords {
  const worker = randomUUID()
  let deleting: Promise<unknown> = Promise.resolve()
  return {
    endReleases: (channel, releases, atMs) =>
      database.transaction((tx) => endReleases(tx, { channel, releases, atMs })),
    async dropReferences(nowMs) {
      let dropped = 0
      for (;;) {
        const count = await database.transaction((tx) => dropReferences(tx, nowMs))
        if (count === 0) return dropped
        dropped += count
        await otherWork()
      }
    },
    deleteObjects(nowMs, remove, options = {}) {
      const isAlone = options.isOnlyProcess ?? false
      // Two at once would take each other's marks for interrupted ones.
      const done = deleting.then(() => deleteObjects(database, { worker, nowMs, isAlone, remove }))
      deleting = done.catch(() => undefined)
      return done
    },
    unknown: (digests) => findUnknown(database.reader, digests),
    async addUnreferenced(objects, deletableAtMs) {
      await database.transaction((tx) =>
        insertRows(tx, {
          table: 'unreferenced_objects',
          columns: ['sha256', 'size', 'deletable_at'],
          onConflict: 'do nothing',
          rows: objects.map(({ digest, size }) => [bytesOfDigest(digest), size, deletableAtMs]),
        }),
      )
    },
    dropTrustFiles: (beforeMs, roles = ['targets', 'snapshot']) =>
      database.transaction((tx) => dropTrustFiles(tx, beforeMs, roles)),
    referenced: () => referencedObjects(database),
  }
}

async function endReleases(
  tx: Writing,
  end: {
    readonly channel: ChannelName
    readonly releases: readonly number[]
    readonly atMs: number
  },
): Promise<RetentionSummary> {
  const channel = await findChannelRow(tx, end.channel)
  if (channel === undefined) return { releases: 0, leavingObjects: 0 }
  let releases = 0
  for (const group of chunksOf(end.releases, limits.rowsPerStatement)) {
    const result = await tx
      .updateTable('releases')
      .set({ retained: 0 })
      .where('channel', '=', channel.id)
      .where('retained', '=', 1)
      .where('release', '!=', channel.head_release)
      .where('release', 'in', group)
      .executeTakeFirst()
    releases += Number(result.numUpdatedRows)
  }
  const leaving = await tx
    .updateTable('object_ranges')
    .set({ leaves_at: end.atMs + limits.graceMs })
    .where('object_ranges.channel', '=', channel.id)
    .where('leaves_at', 'is', null)
    .where('last_release', 'is not', null)
    .where((is) =>
      is.not(
        is.exists(
          is
            .selectFrom('releases')
            .select('releases.release')
            .whereRef('releases.channel', '=', 'object_ranges.channel')
            .where('releases.retained', '=', 1)
            .whereRef('releases.release', '>=', 'object_ranges.first_release')
            .whereRef('releases.release', '<=', 'object_ranges.last_release'),
        ),
      ),
    )
    .executeTakeFirst()
  return { releases, leavingObjects: Number(leaving.numUpdatedRows) }
}

/** Drops one group; an upload of a channel keeps all that it counted as present. */
async function dropReferences(tx: Writing, nowMs: number): Promise<number> {
  const rows = await tx
    .selectFrom('object_ranges')
    .innerJoin('channels', 'channels.id', 'object_ranges.channel')
    .select(['channel', 'sha256', 'size', 'first_release'])
    .where('leaves_at', '<=', nowMs)
    .where((is) =>
      is.not(
        is.exists(
          is
            .selectFrom('uploads')
            .select('uploads.id')
            .where('uploads.state', '=', 'open')
            .whereRef('uploads.channel', '=', 'channels.name'),
        ),
      ),
    )
    .limit(limits.rowsPerStatement)
    .execute()
  for (const row of rows) {
    await tx
      .deleteFrom('object_ranges')
      .where('channel', '=', row.channel)
      .where('sha256', '=', row.sha256)
      .where('first_release', '=', row.first_release)
      .execute()
  }
  await insertRows(tx, {
    table: 'unreferenced_objects',
    columns: ['sha256', 'size', 'deletable_at'],
    onConflict: 'do nothing',
    rows: distinct(rows).map((row) => [row.sha256, row.size, nowMs]),
  })
  return rows.length
}

function distinct<Row extends { readonly sha256: Uint8Array }>(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [Buffer.from(row.sha256).toString('hex'), row])).values()]
}

async function dropTrustFiles(
  tx: Writing,
  beforeMs: number,
  roles: readonly ('targets' | 'snapshot')[],
): Promise<number> {
  let dropped = 0
  for (const role of roles) {
    const result = await tx
      .deleteFrom('trust_files')
      .where('role', '=', role)
      .where('made_at', '<', beforeMs)
      .where((is) =>
        is(
          'version',
          '<',
          is
            .selectFrom('channels')
            .select(`channels.${role}_version`)
            .whereRef('channels.id', '=', 'trust_files.channel'),
        ),
      )
      .executeTakeFirst()
    dropped += Number(result.numDeletedRows)
  }
  return dropped
}

async function* referencedObjects(database: RecordsDatabase): AsyncGenerator<ObjectRecord> {
  for (let after: Uint8Array = Buffer.alloc(0); ; ) {
    const rows = await database.reader
      .selectFrom('object_ranges')
      .select(['sha256', 'size'])
      .where('sha256', '>', after)
      .union((union) =>
        union
          .selectFrom('bundles')
          .select((select) => [
            select.ref('sha256').$notNull().as('sha256'),
            select.ref('size').$notNull().as('size'),
          ])
          .where('sha256', '>', after),
      )
      .orderBy('sha256')
      .limit(limits.rowsPerTurn)
      .execute()
    for (const row of distinct(rows)) yield objectOf(row)
    const last = rows.at(-1)
    if (last === undefined || rows.length < limits.rowsPerTurn) return
    after = last.sha256
    await otherWork()
  }
}
