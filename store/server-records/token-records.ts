import { digestFromBytes } from '../../protocol/index.ts'
import type { RecordsDatabase } from './records-database.ts'
import { bytesOfDigest } from './rows.ts'
import type { TokensTable } from './schema.ts'
import type { SettingRecords, TokenRecord, TokenRecords } from './server-records.ts'

export function createTokenRecords(database: RecordsDatabase): TokenRecords {
  const { reader } = database
  return {
    async create(token) {
      const row = {
        id: token.id,
        hash: bytesOfDigest(token.hash),
        scope: token.scope,
        channels: token.channels,
        created_at: token.createdAtMs,
        expires_at: token.expiresAtMs ?? null,
        note: token.note ?? null,
      }
      await database.transaction((tx) => tx.insertInto('tokens').values(row).execute())
    },
    async findByHash(hash) {
      const row = await reader
        .selectFrom('tokens')
        .selectAll()
        .where('hash', '=', bytesOfDigest(hash))
        .executeTakeFirst()
      return row === undefined ? undefined : tokenOf(row)
    },
    async list() {
      const rows = await reader.selectFrom('tokens').selectAll().orderBy('created_at').execute()
      return rows.map(tokenOf)
    },
    async delete(id) {
      const result = await database.transaction((tx) =>
        tx.deleteFrom('tokens').where('id', '=', id).executeTakeFirst(),
      )
      return result.numDeletedRows > 0n
    },
  }
}

function tokenOf(row: TokensTable): TokenRecord {
  return {
    id: row.id,
    hash: digestFromBytes(row.hash),
    scope: row.scope,
    channels: row.channels,
    createdAtMs: row.created_at,
    ...(row.expires_at === null ? {} : { expiresAtMs: row.expires_at }),
    ...(row.note === null ? {} : { note: row.note }),
  }
}

export function createSettingRecords(database: RecordsDatabase): SettingRecords {
  const find = async (key: string): Promise<string | undefined> =>
    (
      await database.reader
        .selectFrom('settings')
        .select('value')
        .where('key', '=', key)
        .executeTakeFirst()
    )?.value
  return {
    get: find,
    async set(key, value) {
      await database.transaction((tx) =>
        tx
          .insertInto('settings')
          .values({ key, value })
          .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
          .execute(),
      )
    },
    async setOnce(key, value) {
      await database.transaction((tx) =>
        tx
          .insertInto('settings')
          .values({ key, value })
          .onConflict((conflict) => conflict.column('key').doNothing())
          .execute(),
      )
      return (await find(key)) ?? value
    },
  }
}
