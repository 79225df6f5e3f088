import { storeError } from '../errors.ts'
import { createBundleRecords } from './bundle-records.ts'
import { createChannelRecords } from './channel-records.ts'
import { createFeedbackRecords } from './feedback-records.ts'
import { createMirrorRecords } from './mirror-records.ts'
import { createOverlayRecords } from './overlay-records.ts'
import type { RecordsDatabase } from './records-database.ts'
import { createReleaseRecords } from './release-records.ts'
import { createRepeaterRecords } from './repeater-records.ts'
import { createRetentionRecords } from './retention-records.ts'
import { bytesOfDigest } from './rows.ts'
import type { ServerRecords } from './server-records.ts'
import { openSqliteDatabase } from './sqlite-records-database.ts'
import { createSettingRecords, createTokenRecords } from './token-records.ts'
import { createTrustRecords } from './trust-records.ts'
import { createUploadRecords } from './upload-records.ts'

export interface ServerRecordsOptions {
  /** `sqlite:PATH`; the file is made when it is missing. */
  readonly url: string
}

/**
 * Opens what a transmitter keeps in SQL and brings its tables up to date.
 * @throws LW_STORE_RECORDS_URL, LW_STORE_RECORDS_DAMAGED, LW_STORE_RECORDS_NEWER,
 *   LW_STORE_NO_PERMISSION
 */
export async function openServerRecords(options: ServerRecordsOptions): Promise<ServerRecords> {
  const match = /^sqlite:(.+)$/.exec(options.url)
  if (match?.[1] === undefined) throw storeError('LW_STORE_RECORDS_URL')
  return recordsOver(await openSqliteDatabase(match[1]))
}

function recordsOver(database: RecordsDatabase): ServerRecords {
  return {
    channels: createChannelRecords(database),
    releases: createReleaseRecords(database),
    trust: createTrustRecords(database),
    uploads: createUploadRecords(database),
    bundles: createBundleRecords(database),
    retention: createRetentionRecords(database),
    tokens: createTokenRecords(database),
    settings: createSettingRecords(database),
    mirrors: createMirrorRecords(database),
    repeaters: createRepeaterRecords(database),
    feedback: createFeedbackRecords(database),
    overlays: createOverlayRecords(database),
    async isReferenced(channel, digest) {
      return (await database.referencedSize(channel, bytesOfDigest(digest))) !== undefined
    },
    referencedSize: (channel, digest) => database.referencedSize(channel, bytesOfDigest(digest)),
    backup: (file) => database.backup(file),
    check: () => database.check(),
    close: () => database.close(),
    [Symbol.asyncDispose]: () => database.close(),
  }
}
