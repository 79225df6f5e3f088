import type { ChannelName } from '../../protocol/index.ts'
import type { Reading, RecordsDatabase, Writing } from './records-database.ts'
import { channelOf } from './rows.ts'
import type { ChannelsTable } from './schema.ts'
import type { ChannelRecords } from './server-records.ts'

export function createChannelRecords(database: RecordsDatabase): ChannelRecords {
  const { reader } = database
  return {
    async find(name) {
      const row = await findChannelRow(reader, name)
      return row === undefined ? undefined : channelOf(row)
    },
    async list() {
      const rows = await reader.selectFrom('channels').selectAll().orderBy('name').execute()
      return rows.map(channelOf)
    },
    async setAccess(name, access) {
      await database.transaction((tx) =>
        tx.updateTable('channels').set({ access }).where('name', '=', name).execute(),
      )
    },
  }
}

export function findChannelRow(
  db: Reading | Writing,
  name: ChannelName,
): Promise<ChannelsTable | undefined> {
  return db.selectFrom('channels').selectAll().where('name', '=', name).executeTakeFirst()
}

/** The internal number of a channel, or undefined when there is no such channel. */
export async function findChannelId(
  db: Reading | Writing,
  name: ChannelName,
): Promise<number | undefined> {
  const row = await db
    .selectFrom('channels')
    .select('id')
    .where('name', '=', name)
    .executeTakeFirst()
  return row?.id
}
