/** Limits of a publisher (docs/limits.md). */
export const publisherLimits = {
  /** Attempts to read a file that changes while it is read. */
  readAttemptsMax: 3,
  /** Files up to this size are read in one call. */
  smallFileBytesMax: 1024 * 1024,
  /** Bytes of one read of a larger file; two such buffers exist. */
  readChunkBytes: 1024 * 1024,
  /** Entries looked at before the event loop gets its turn. */
  entriesPerTurn: 512,
  /** A file that changed this recently may change again within one tick of its time stamps. */
  racyMs: 2000,
  /** Bytes of one stat cache. */
  scanCacheBytesMax: 512 * 1024 * 1024,
  /** Bytes of `.longwaveignore`, and number of all rules. */
  ignoreFileBytesMax: 1024 * 1024,
  ignoreRulesMax: 10_000,
  /** Findings that one error or warning lists; the others are counted. */
  findingsListedMax: 20,
  /** Characters of a path that a warning shows. */
  pathShownCharacters: 200,

  /** Parts of one upload request. */
  partsPerRequestMax: 500,
  /** Body of one upload request, whatever more the transmitter would take. */
  requestBytesMax: 64 * 1024 * 1024,
  /** One segment of a large object. */
  segmentBytesMax: 32 * 1024 * 1024,
  /** Upload requests on their way at once. */
  requestsAtOnce: 3,
  /** How often what is missing is asked for and sent. */
  uploadRoundsMax: 6,
  /** Objects below this are not worth a signature. */
  deltaBytesMin: 16 * 1024,
  /** A delta is sent when it is smaller than this share of the whole object. */
  deltaShareMax: 0.6,
  /** Deltas up to this size are kept in memory, larger ones in a temporary file. */
  deltaMemoryBytesMax: 8 * 1024 * 1024,
  /** Objects up to this size are compressed for the way when that pays. */
  compressBytesMin: 256,
  compressBytesMax: 4 * 1024 * 1024,
  compressShareMax: 0.9,
  /** Manifests from this size on travel compressed. */
  compressManifestBytesMin: 16 * 1024,

  /** Answers of the transmitter. */
  stateBytesMax: 1024 * 1024,
  uploadStateBytesMax: 512 * 1024 * 1024,
  commitBytesMax: 1024 * 1024,
  /** How often the answer to a commit is asked for when it got lost on its way. */
  commitAttemptsMax: 4,
  /** How often a lost race is run again before it is told. */
  conflictRetriesMax: 1,
  /** Longest wait for the answer to a commit: it verifies, and waits for repeaters. */
  commitTimeoutMs: 15 * 60 * 1000,
  /** Longest wait for what tuners will receive, which is only told. */
  routesTimeoutMs: 3000,

  /** Documents of the publisher's own folder. */
  recordBytesMax: 4 * 1024 * 1024,
  tokenBytesMax: 4096,
  /** Releases that the publisher remembers the manifests of. */
  releasesRememberedMax: 1000,

  /** Releases back that the static form makes bundles from. */
  staticBundlesMax: 3,
  /** Releases of the static form that stay whole. */
  staticReleasesKept: 10,
  /** How long what no retained release refers to stays all the same. */
  staticGraceMs: 14 * 24 * 60 * 60 * 1000,
  /** Channels that one list of the static form names. */
  staticChannelsMax: 10_000,
  /** Objects of the static form written at once. */
  staticWritesAtOnce: 8,
  /** Objects up to this size get a precompressed form. */
  staticCompressBytesMax: 16 * 1024 * 1024,
  /** A run that finds nothing new signs the timestamp anew when less of its life is left. */
  staticRefreshShare: 0.75,
} as const
