/** The tables as the newest migration leaves them. Times are milliseconds since 1970. */
export interface Tables {
  readonly channels: ChannelsTable
  readonly releases: ReleasesTable
  readonly object_ranges: ObjectRangesTable
  readonly trust_files: TrustFilesTable
  readonly uploads: UploadsTable
  readonly upload_objects: UploadObjectsTable
  readonly bundles: BundlesTable
  readonly unreferenced_objects: UnreferencedObjectsTable
  readonly deletions: DeletionsTable
  readonly tokens: TokensTable
  readonly settings: SettingsTable
}

export interface ChannelsTable {
  /** Small and internal: it stands in the many rows of `object_ranges`. */
  id: number
  name: string
  channel_id: Uint8Array
  state: string
  access: string
  head_release: number
  root_version: number
  targets_version: number
  snapshot_version: number
  timestamp_version: number
  online_key: string
  created_at: number
}

export interface ReleasesTable {
  channel: number
  release: number
  label: string | null
  manifest_sha256: Uint8Array
  manifest_bytes: number
  published_at: number
  entries: number
  total_bytes: number
  /** 0 or 1. */
  retained: number
  ended: number
}

/**
 * Which releases refer to an object: one row for each unbroken run of releases, so that a release
 * costs rows only for what it adds and what it drops.
 */
export interface ObjectRangesTable {
  channel: number
  sha256: Uint8Array
  size: number
  first_release: number
  /** NULL as long as the head refers to it. */
  last_release: number | null
  /** When the reference goes: set once no retained release lies in the run. */
  leaves_at: number | null
}

export interface TrustFilesTable {
  channel: number
  file: string
  role: string
  version: number
  bytes: Uint8Array
  made_at: number
}

export interface UploadsTable {
  id: string
  channel: string
  manifest_sha256: Uint8Array
  base_targets_version: number
  online_key: string | null
  state: string
  created_at: number
  expires_at: number
}

export interface UploadObjectsTable {
  upload: string
  sha256: Uint8Array
  size: number
  /** 0 while it is announced, 1 when it is durable in the store. */
  delivered: number
}

export interface BundlesTable {
  channel: number
  from_release: number
  to_release: number
  format: string
  /** NULL until one was made. */
  sha256: Uint8Array | null
  size: number | null
  effort: number
  made_at: number | null
  /** Bytes on their way into the store, which must not be deleted. */
  pending_sha256: Uint8Array | null
  pending_size: number | null
  /** NULL while nobody makes one. */
  making_since: number | null
  failed_at: number | null
}

export interface UnreferencedObjectsTable {
  sha256: Uint8Array
  size: number
  deletable_at: number
}

/** Objects whose bytes are being deleted: nobody may count on them until the row is gone. */
export interface DeletionsTable {
  sha256: Uint8Array
  /** Who deletes it, and since when. */
  worker: string
  since: number
}

export interface TokensTable {
  id: string
  hash: Uint8Array
  scope: string
  channels: string
  created_at: number
  expires_at: number | null
  note: string | null
}

export interface SettingsTable {
  key: string
  value: string
}
