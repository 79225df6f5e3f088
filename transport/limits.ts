/** Limits of the client side; docs/limits.md lists them. All times in milliseconds. */
export const transportLimits = {
  /** Origins whose connections are kept at the same time. */
  originsMax: 64,
  connectionsPerOriginMax: 64,
  connectionsPerOriginDefault: 8,
  connectTimeoutMs: 10_000,
  /** No byte for this long ends an attempt, before the head of the answer as well as in its body. */
  stallTimeoutMs: 30_000,
  /** From the first attempt to the last byte of an answer that is kept in memory. */
  documentTimeoutMs: 5 * 60_000,
  /** An answer slower than this over one pace window counts as stalled. */
  paceBytesPerSecondMin: 128,
  paceWindowMs: 60_000,
  keepAliveMs: 60_000,
  keepAliveMsMax: 10 * 60_000,
  responseHeaderBytesMax: 16 * 1024,
  requestHeadersMax: 64,
  redirectsMax: 5,
  /** Interim answers (100, 103) before the one that counts. */
  interimAnswersMax: 16,
  /** Bytes of an error answer that are read. */
  problemBytesMax: 64 * 1024,
  problemTextCharactersMax: 500,
  problemMembersMax: 32,
  problemMembersDepthMax: 4,
  urlCharactersMax: 8192,
  attemptsMax: 6,
  /** Attempts when no connection came about at all. */
  connectAttemptsMax: 4,
  /**
   * Attempts of a download that something else can replace, when the server stops sending, and the
   * window over which its pace is looked at.
   */
  replaceableStallsMax: 2,
  replaceablePaceWindowMs: 20_000,
  /** Breaks of one resumable download, however far it came in between. */
  resumesMax: 1000,
  /** Progress that makes the next break count as the first one. */
  resumeProgressBytesMin: 64 * 1024,
  backoffBaseMs: 250,
  backoffCapMs: 30_000,
  /** After this many failures no retry comes sooner than `backoffFloorMs`. */
  backoffFloorAfter: 3,
  backoffFloorMs: 1000,
  /** Time that all waits between the attempts of one call may take. */
  retryBudgetMs: 2 * 60_000,
  /** A longer Retry-After ends the call instead of being waited for. */
  retryAfterWaitMsMax: 60_000,
  /** What a longer Retry-After is taken for. */
  retryAfterSecondsMax: 24 * 60 * 60,
  /** Concurrent transfers that wait for bandwidth. */
  bandwidthBurstMs: 250,
  extraAuthoritiesMax: 32,
  pinsMax: 16,
  proxyValueCharactersMax: 1024,
  noProxyEntriesMax: 256,
} as const
