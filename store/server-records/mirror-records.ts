import type { RecordsDatabase } from './records-database.ts'
import type { MirrorRecords } from './server-records.ts'

export function createMirrorRecords(database: RecordsDatabase): MirrorRecords {
  return {
    async lowerVersions(channel) {
      const lowest = { targets_version: 0, snapshot_version: 0, timestamp_version: 0 }
      await database.transaction((tx) =>
        tx.updateTable('channels').set(lowest).where('name', '=', channel).execute(),
      )
    },
  }
}
