const mebibyte = 1024 * 1024
const hourMs = 3600_000

/** Limits of the repeater (docs/limits.md). */
export const repeaterLimits = {
  /** Without a notice of the origin every channel is compared with it this often. */
  refreshMs: 30_000,
  /** Longer than the origin holds a poll. */
  pollTimeoutMs: 45_000,
  /** Pauses between attempts to reach an origin that does not answer, growing. */
  retryMs: 1_000,
  retryMsMax: 15_000,
  /** After this time without an answer of the origin the service calls itself degraded. */
  silenceMs: 90_000,
  /** Bytes of the origin's answers to polls and of its list of channels. */
  newsBytesMax: 64 * mebibyte,
  channelsMax: 100_000,
  /** Channels that are mirrored at the same time. */
  concurrentChannels: 4,
  /** How long objects of a release that is being mirrored are held for it. */
  uploadLifetimeMs: 24 * hourMs,
  /** Objects that are leased or counted in one statement. */
  leaseGroup: 5_000,
  /** Partial downloads that nobody went on with are dropped after this time. */
  partialLifetimeMs: 24 * hourMs,

  /** Releases that stay readable here, the head included. */
  retainedReleases: 3,
  /** How long objects of others stay, for those who are still downloading them. */
  graceMs: 24 * hourMs,
  garbageEveryMs: hourMs,

  /** Bundles that are asked for or fetched at the origin at the same time, and those waiting. */
  concurrentBundles: 2,
  bundlesWaitingMax: 64,
  /** How long the news counts that the origin has no bundle for a step. */
  noBundleMs: 10 * 60_000,
  noBundlesKept: 10_000,
  /** How often a bundle that the origin is making is asked for again. */
  bundleAsksMax: 120,
  bundleAskMs: 1_000,
  /** What a cheapest first fetch is made of is remembered for so many steps. */
  offersKept: 1_000,

  /** Objects in these bounds get a precompressed form when somebody asks for it. */
  compressBytesMin: 512,
  compressBytesMax: 64 * mebibyte,
  compressGoodBytesMax: 4 * mebibyte,
  compressShareMax: 0.95,
  compressQueueMax: 10_000,

  /** Channels that metrics show by name. */
  measuredChannelsMax: 1_000,
} as const
