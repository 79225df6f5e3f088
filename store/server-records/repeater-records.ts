import { type ChannelName, digestFromBytes } from '../../protocol/index.ts'
import { limits } from '../limits.ts'
import { createAssignmentRecords } from './assignment-records.ts'
import { chunksOf, insertRows, type RecordsDatabase, type Writing } from './records-database.ts'
import { bytesOfDigest } from './rows.ts'
import type { PreparationsTable } from './schema.ts'
import type { PreparationRecord, RepeaterRecords } from './server-records.ts'

export function createRepeaterRecords(database: RecordsDatabase): RepeaterRecords {
  return {
    ...createRegistryRecords(database),
    ...createPreparationRecords(database),
    ...createAssignmentRecords(database),
  }
}

type RegistryRecords = Pick<RepeaterRecords, 'seen' | 'report' | 'list' | 'holdings' | 'forget'>

function createRegistryRecords(database: RecordsDatabase): RegistryRecords {
  const { reader } = database
  return {
    seen: (url, atMs) => database.transaction((tx) => writeSeen(tx, url, atMs)),
    report: (url, channels, atMs) =>
      database.transaction(async (tx) => {
        await writeSeen(tx, url, atMs)
        await tx.deleteFrom('repeater_channels').where('url', '=', url).execute()
        const rows = channels.map(({ name, release }) => [url, name, release] as const)
        const columns = ['url', 'channel', 'release'] as const
        await insertRows(tx, { table: 'repeater_channels', columns, rows })
      }),
    async list() {
      const rows = await reader.selectFrom('repeaters').selectAll().orderBy('url').execute()
      return rows.map((row) => ({ url: row.url, seenAtMs: row.seen_at }))
    },
    async holdings(channel) {
      const rows = await reader
        .selectFrom('repeater_channels')
        .innerJoin('repeaters', 'repeaters.url', 'repeater_channels.url')
        .select(['repeaters.url', 'release', 'seen_at'])
        .where('channel', '=', channel)
        .orderBy('repeaters.url')
        .execute()
      return rows.map(({ url, release, seen_at }) => ({ url, release, seenAtMs: seen_at }))
    },
    forget: (beforeMs) =>
      database.transaction(async (tx) => {
        const gone = await tx
          .selectFrom('repeaters')
          .select('url')
          .where('seen_at', '<', beforeMs)
          .execute()
        for (const group of chunksOf(gone, limits.rowsPerStatement)) {
          const urls = group.map(({ url }) => url)
          await tx.deleteFrom('repeater_channels').where('url', 'in', urls).execute()
          await tx.deleteFrom('repeaters').where('url', 'in', urls).execute()
        }
      }),
  }
}

async function writeSeen(tx: Writing, url: string, atMs: number): Promise<void> {
  await tx
    .insertInto('repeaters')
    .values({ url, seen_at: atMs })
    .onConflict((conflict) => conflict.column('url').doUpdateSet({ seen_at: atMs }))
    .execute()
}

type PreparationRecords = Pick<
  RepeaterRecords,
  'prepare' | 'findPreparation' | 'preparations' | 'ready' | 'readyFor' | 'endPreparation'
>

function createPreparationRecords(database: RecordsDatabase): PreparationRecords {
  const { reader } = database
  return {
    async prepare(preparation) {
      const row = rowOf(preparation)
      const { expires_at } = row
      await database.transaction((tx) =>
        tx
          .insertInto('preparations')
          .values(row)
          .onConflict((conflict) => conflict.column('id').doUpdateSet({ expires_at }))
          .execute(),
      )
    },
    async findPreparation(id) {
      const row = await reader
        .selectFrom('preparations')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst()
      return row === undefined ? undefined : preparationOf(row)
    },
    async preparations(nowMs) {
      const rows = await reader
        .selectFrom('preparations')
        .selectAll()
        .where('expires_at', '>', nowMs)
        .orderBy('id')
        .execute()
      return rows.map(preparationOf)
    },
    ready: (url, ids) =>
      database.transaction(async (tx) => {
        for (const preparation of ids) {
          const known = await tx
            .selectFrom('preparations')
            .select('id')
            .where('id', '=', preparation)
            .executeTakeFirst()
          if (known === undefined) continue
          await tx
            .insertInto('preparations_ready')
            .values({ preparation, url })
            .onConflict((conflict) => conflict.columns(['preparation', 'url']).doNothing())
            .execute()
        }
      }),
    async readyFor(id) {
      const rows = await reader
        .selectFrom('preparations_ready')
        .select('url')
        .where('preparation', '=', id)
        .execute()
      return rows.map(({ url }) => url)
    },
    endPreparation: (id, nowMs) =>
      database.transaction(async (tx) => {
        const over = await tx
          .selectFrom('preparations')
          .select('id')
          .where('expires_at', '<=', nowMs)
          .execute()
        for (const each of [id, ...over.map((row) => row.id)]) {
          await tx.deleteFrom('preparations_ready').where('preparation', '=', each).execute()
          await tx.deleteFrom('preparations').where('id', '=', each).execute()
        }
      }),
  }
}

function rowOf(preparation: PreparationRecord): PreparationsTable {
  return {
    id: preparation.id,
    channel: preparation.channel,
    release: preparation.release,
    manifest_sha256: bytesOfDigest(preparation.manifestDigest),
    roots: JSON.stringify(preparation.roots),
    targets: preparation.targets,
    expires_at: preparation.expiresAtMs,
  }
}

function preparationOf(row: PreparationsTable): PreparationRecord {
  return {
    id: row.id,
    channel: row.channel as ChannelName,
    release: row.release,
    manifestDigest: digestFromBytes(row.manifest_sha256),
    roots: JSON.parse(row.roots) as string[],
    targets: row.targets,
    expiresAtMs: row.expires_at,
  }
}
