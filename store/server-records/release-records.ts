import type { ChannelName } from '../../protocol/index.ts'
import { limits } from '../limits.ts'
import { findChannelId } from './channel-records.ts'
import { objectsOfRelease } from './object-ranges.ts'
import type { RecordsDatabase } from './records-database.ts'
import { commitRelease } from './release-commit.ts'
import { bytesOfDigest, releaseOf } from './rows.ts'
import type { ObjectRecord, ReleaseRecords } from './server-records.ts'

export function createReleaseRecords(database: RecordsDatabase): ReleaseRecords {
  const { reader } = database
  const releasesOf = (channel: ChannelName) =>
    reader
      .selectFrom('releases')
      .innerJoin('channels', 'channels.id', 'releases.channel')
      .where('channels.name', '=', channel)
      .selectAll('releases')
  return {
    async find(channel, release) {
      const row = await releasesOf(channel).where('release', '=', release).executeTakeFirst()
      return row === undefined ? undefined : releaseOf(row)
    },
    async findByManifest(channel, manifest) {
      const row = await releasesOf(channel)
        .where('manifest_sha256', '=', bytesOfDigest(manifest))
        .orderBy('release', 'desc')
        .executeTakeFirst()
      return row === undefined ? undefined : releaseOf(row)
    },
    async list(channel, options = {}) {
      let query = releasesOf(channel).orderBy('release', 'desc')
      if (options.onlyRetained === true) query = query.where('retained', '=', 1)
      const rows = await query.limit(options.countMax ?? limits.releasesListedMax).execute()
      return rows.map(releaseOf)
    },
    async *objects(channel, release): AsyncGenerator<ObjectRecord> {
      const id = await findChannelId(reader, channel)
      if (id !== undefined) yield* objectsOfRelease(reader, id, release)
    },
    commit: (commit) => database.transaction((tx) => commitRelease(tx, commit)),
  }
}
