/** Limits of the store (docs/limits.md). */
export const limits = {
  /** Bytes of a file that is read into memory whole. */
  wholeFileBytesMax: 256 * 1024 * 1024,
  /** Bytes of one read or write while an object streams. */
  chunkBytes: 256 * 1024,
  /** File operations that one batch has under way at once. */
  fileConcurrency: 16,
  /** Objects that one grouped fsync covers, and their bytes. */
  batchObjectsMax: 1024,
  batchBytesMax: 64 * 1024 * 1024,
  /** Characters of a partial object's key. */
  partialKeyCharactersMax: 128,
  /** Digits of the random part of temporary names: unguessable (128 bits). */
  temporaryNameBytes: 16,
  /** How often a lock that is contended for is tried again before it is refused. */
  lockAttemptsMax: 40,
  lockRetryMs: 20,
  /** A lock of another pid namespace or host counts as live while its file is this fresh. */
  lockHeartbeatMs: 10_000,
  lockStaleMs: 30_000,
  /** How long the owner of a loopback lock may take to answer. */
  lockProbeTimeoutMs: 1_000,
  lockFileBytesMax: 4096,
  /** How long a writer waits for another process's transaction. */
  busyTimeoutMs: 10_000,
  busyRetryMs: 10,
  /** Rows that one statement carries. */
  rowsPerStatement: 500,
  /** Entries of feedback that one question brings. */
  feedbackReadMax: 5_000,
  /** Rows that are handled before other work gets its turn. */
  rowsPerTurn: 5_000,
  /** Prepared statements that are kept for reuse. */
  statementsMax: 256,
  /** How long objects stay after they left the last retained release. */
  graceMs: 14 * 24 * 60 * 60 * 1000,
  /** How long objects stay that an abandoned upload delivered. */
  orphanGraceMs: 24 * 60 * 60 * 1000,
  /** Objects that one release refers to. */
  releaseObjectsMax: 1_000_100,
  /** Releases that are listed unless more are asked for. */
  releasesListedMax: 1_000,
  /** A deletion that began this long ago counts as interrupted. */
  deletionStaleMs: 60_000,
  /** Objects that one deletion takes at once. */
  deletionBatchMax: 500,
  /** Bytes of one device record's JSON. */
  recordBytesMax: 16 * 1024 * 1024,
  /** Characters of a device record's key. */
  recordKeyCharactersMax: 1024,
  /** Bytes of the one line that names the newest manifest of a database of device records. */
  recordsCurrentBytesMax: 1024,
  /** Damaged states of device records that are kept. */
  recordsAsideMax: 20,
  /** Operations of one batch of device records. */
  recordBatchMax: 100_000,
} as const
