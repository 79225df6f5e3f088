import { type ChannelName, type Digest, digestFromBytes } from '../../protocol/index.ts'
import type { ChannelsTable, ReleasesTable } from './schema.ts'
import type {
  ChannelAccess,
  ChannelRecord,
  ChannelState,
  ObjectRecord,
  ReleaseRecord,
} from './server-records.ts'

/** A digest as its 32 bytes: half the size of its text in the tables that have most rows. */
export function bytesOfDigest(digest: Digest): Buffer {
  return Buffer.from(digest, 'hex')
}

export function channelOf(row: ChannelsTable): ChannelRecord {
  return {
    name: row.name as ChannelName,
    channelId: digestFromBytes(row.channel_id),
    state: row.state as ChannelState,
    access: row.access as ChannelAccess,
    headRelease: row.head_release,
    versions: {
      root: row.root_version,
      targets: row.targets_version,
      snapshot: row.snapshot_version,
      timestamp: row.timestamp_version,
    },
    onlineKey: row.online_key,
    createdAtMs: row.created_at,
  }
}

export function releaseOf(row: ReleasesTable): ReleaseRecord {
  return {
    release: row.release,
    ...(row.label === null ? {} : { label: row.label }),
    manifestDigest: digestFromBytes(row.manifest_sha256),
    manifestBytes: row.manifest_bytes,
    publishedAtMs: row.published_at,
    entries: row.entries,
    totalBytes: row.total_bytes,
    isRetained: row.retained === 1,
    isEnd: row.ended === 1,
  }
}

export function objectOf(row: {
  readonly sha256: Uint8Array
  readonly size: number
}): ObjectRecord {
  return { digest: digestFromBytes(row.sha256), size: row.size }
}
