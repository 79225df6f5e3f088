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
  readonly repeaters: RepeatersTable
  readonly repeater_channels: RepeaterChannelsTable
  readonly preparations: PreparationsTable
  readonly preparations_ready: PreparationsReadyTable
  readonly assignments: AssignmentsTable
  readonly assignment_loads: AssignmentLoadsTable
  readonly feedback_streams: FeedbackStreamsTable
  readonly feedback_heads: FeedbackHeadsTable
  readonly feedback: FeedbackTable
  readonly overlays: OverlaysTable
  readonly overlay_files: OverlayFilesTable
  readonly overlay_contents: OverlayContentsTable
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

/** What came of one state of one tuner. */
export interface FeedbackStreamsTable {
  channel: number
  tuner: Uint8Array
  epoch: Uint8Array
  /** Counts the epochs of a tuner. */
  number: number
  /** Everything up to here is in the log. */
  sequence: number
  /** Everything up to here has reached the plug-in, or was owed to none. */
  delivered: number
}

/** The position of the newest entry of each channel's log. */
export interface FeedbackHeadsTable {
  channel: number
  position: number
  /** Of the log: data, and 256 for each entry. */
  bytes: number
}

export interface FeedbackTable {
  channel: number
  position: number
  tuner: Uint8Array
  epoch: Uint8Array
  sequence: number
  nonce: Uint8Array
  appended_at: number
  received_at: number
  type: string
  data: Uint8Array
}

export interface OverlaysTable {
  channel: number
  tuner: Uint8Array
  release: number
  serial: number
  statement: string
  signature: string
  made_at: number
}

export interface OverlayFilesTable {
  channel: number
  tuner: Uint8Array
  sha256: Uint8Array
}

export interface OverlayContentsTable {
  sha256: Uint8Array
  bytes: Uint8Array
}

export interface RepeatersTable {
  url: string
  seen_at: number
}

/** What each repeater says it serves. */
export interface RepeaterChannelsTable {
  url: string
  channel: string
  release: number
}

/** Releases that repeaters fetch before they become the head. */
export interface PreparationsTable {
  id: string
  channel: string
  release: number
  manifest_sha256: Uint8Array
  /** JSON list of metadata. */
  roots: string
  targets: string
  expires_at: number
}

export interface PreparationsReadyTable {
  preparation: string
  url: string
}

export interface AssignmentsTable {
  channel: number
  tuner: Uint8Array
  /** NULL is the origin itself. */
  repeater: string | null
  assigned_at: number
}

/** How many tuners were sent to each repeater. */
export interface AssignmentLoadsTable {
  channel: number
  repeater: string
  tuners: number
}
