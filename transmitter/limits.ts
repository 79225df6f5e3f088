const mebibyte = 1024 * 1024
const hourMs = 3600_000
const dayMs = 24 * hourMs

/** Limits of the transmitter (docs/limits.md). */
export const transmitterLimits = {
  /** Channels that the status document tells of. */
  statusChannelsMax: 1_000,
  /** Body of one `objects` request. */
  uploadRequestBytesMax: 64 * mebibyte,
  /** Parts of one `objects` request. */
  uploadPartsMax: 4096,
  /** Body of a commit: roots, targets, certificate signature. */
  commitBytesMax: 8 * mebibyte,
  /** How long an upload may rest before its leases end. */
  uploadLifetimeMs: dayMs,
  /** Uploads of one channel that may be open at once. */
  openUploadsMax: 256,
  /** Uploads whose missing objects a process keeps in mind. */
  uploadsRemembered: 32,
  /** Release object lists are leased in groups of this size. */
  leaseGroup: 5000,
  /** Parts up to this size are taken into memory whole, so that a broken request loses only one. */
  partMemoryBytesMax: mebibyte,
  /** How often a commit is tried again that only a re-signing came before. */
  commitAttemptsMax: 5,
  /** Manifests that are kept parsed, their entries, and how long they rest unused. */
  manifestsKept: 16,
  manifestEntriesKept: 250_000,
  manifestRestMs: 60_000,
  /** Releases that a publisher is told of. */
  releasesToldMax: 1000,

  /** How often other processes' changes are looked for. */
  catalogueRefreshMs: 1000,
  /** Snapshot and timestamp live this long and are renewed daily. */
  onlineLifetimeMs: 7 * dayMs,
  renewAfterMs: dayMs,
  renewEveryMs: hourMs,
  /** A timestamp that expires sooner makes the service unhealthy. */
  timestampLowMs: 2 * dayMs,
  /** Free bytes below which the service is unhealthy. */
  freeBytesMin: 64 * mebibyte,
  /** Channels that metrics show by name. */
  measuredChannelsMax: 1000,
  /** Transmitters that may serve the same data on one machine. */
  processesMax: 16,
  /** How long a start waits for another process's start. */
  startWaitMs: 30_000,
  startRetryMs: 25,

  /** Releases up to this size are offered as one bundle to those who hold nothing. */
  firstBundleBytesMax: 64 * mebibyte,
  /** Objects of a first fetch from which one bundle beats asking for them one by one. */
  firstBundleObjectsMin: 8,
  /** Old and new bytes together up to which a bundle between two releases is made. */
  bundleBytesMax: 1024 * mebibyte,
  bundleQueueMax: 64,
  /** A making that was begun longer ago counts as given up. */
  bundleMakingStaleMs: 15 * 60_000,
  /** A making that failed is tried again after this time. */
  bundleRetryMs: hourMs,
  /** Making time that one channel may use in a window. */
  bundleBudgetMs: 30 * 60_000,
  /** The window of the budgets of making time. */
  makingWindowMs: dayMs,
  /** Bytes of the bundles that one channel may keep. */
  channelBundleBytesMax: 4 * 1024 * mebibyte,
  /** Releases whose holders are counted, per channel, and made for when the head changes. */
  heldReleasesTracked: 16,
  heldReleasesPrepared: 4,
  /** Heads back to which bundles from one release to the next stay, as steps of chains. */
  chainStepsKept: 8,
  chainStepsMax: 8,
  /** How long what a whole fetch costs is remembered, and for how many pairs of releases. */
  wholeBytesMemoryMs: 30_000,
  wholeBytesPairsMax: 256,
  /** Compressed sizes that one such count looks up on disk; the others count uncompressed. */
  variantLookupsMax: 500,

  /** Objects from this size on get a precompressed form, when it is smaller than this share. */
  compressBytesMin: 512,
  compressShareMax: 0.95,
  /** Objects above this size get none. */
  compressBytesMax: 4 * 1024 * mebibyte,
  /** Up to these sizes Brotli works at quality 11 and 9; beyond at 5. */
  compressBestBytesMax: mebibyte,
  compressGoodBytesMax: 16 * mebibyte,
  /** What decides beforehand whether compressing pays. */
  compressSampleBytes: 256 * 1024,
  compressQueueMax: 200_000,
  /** Sizes of compressed forms, and objects not worth one, that are remembered. */
  compressMemoryMax: 50_000,

  /** Releases back whose files may be bases of differences by DRP, RFC 3229 and RFC 9842. */
  drpReleasesBack: 8,
  /** Old and new bytes of one file up to which such a difference is made. */
  differenceBytesMax: 64 * mebibyte,
  /** Bytes of differences kept in memory, and of one of them: a longer one counts as useless. */
  differencesKeptBytes: 32 * mebibyte,
  differenceKeptBytesMax: 8 * mebibyte,
  /** Differences that are remembered to be useless. */
  differencesUselessKept: 50_000,
  differencesWaitingMax: 32,
  /** Making time for differences that one channel may use in a window. */
  differenceBudgetMs: 10 * 60_000,
  /** Index documents kept in memory. */
  indexesKept: 16,
  indexBytesKept: 64 * mebibyte,
  /** Contents that are read for an index with MD5 ids, and digests remembered for it. */
  md5BytesMax: 4 * 1024 * mebibyte,
  md5sKept: 200_000,
  /** How long a file by path may be taken from a cache before it is asked for again. */
  fileMaxAgeSeconds: 0,
  fileStaleSeconds: 7 * 86_400,

  /** Releases that stay retained, the head included. */
  retainedReleases: 50,
  /** How long objects of releases that left retention, and superseded metadata, stay. */
  graceMs: 14 * dayMs,
  /** How old an object must be that nobody knows of before it is removed. */
  orphanAgeMs: dayMs,
  /** How often a running transmitter collects garbage. */
  garbageEveryMs: 6 * hourMs,
  /** Objects looked up in the records at once. */
  orphanGroup: 500,
  /** Findings that a check lists; the others are counted. */
  findingsMax: 1000,
  /** How often a backup starts again because garbage was collected meanwhile. */
  backupRoundsMax: 3,
  /** Characters of the note of a token. */
  tokenNoteCharactersMax: 200,
} as const
