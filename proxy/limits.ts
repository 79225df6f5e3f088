/** Limits of the proxy (docs/limits.md). Times in milliseconds. */
export const proxyLimits = {
  originsMax: 256,
  originCharactersMax: 2048,
  /** Spellings of admitted origins that are remembered. */
  originSpellingsMax: 4096,
  upstreamConnectionsDefault: 4,
  upstreamConnectionsMax: 64,
  /** Requests under way on one HTTP/1.1 connection for small answers. */
  pipelinedRequests: 64,
  connectTimeoutMs: 10_000,
  /** An upstream that says nothing for so long is given up. */
  upstreamSilenceMs: 60_000,
  keepAliveMs: 60_000,
  keepAliveMsMax: 600_000,
  responseHeaderBytesMax: 16 * 1024,
  /** Attempts of one request whose connection broke before an answer began. */
  attemptsMax: 3,
  /** Times that one download is continued where it broke. */
  resumptionsMax: 4,
  /** Update requests that wait for their answer, and the bytes of their bodies. */
  updatesWaitingMax: 20_000,
  updateBodyBytesMax: 256 * 1024 * 1024,
  updateAnswerBytesMax: 32 * 1024 * 1024,
  /** Answers that are no content: documents, offers, refusals. */
  documentBytesMax: 1024 * 1024,
  channelsMax: 10_000,
  /** How long a poll's answer serves others, whatever the origin allows. */
  pollFreshMsMax: 5_000,
  /** A channel that was not asked about for so long is asked about before its cache is used. */
  channelFreshMs: 30_000,
  /** How long it is remembered that the origin gave a path: to everybody, or to one reader. */
  openGrantMs: 3600_000,
  closedGrantMs: 30_000,
  grantsMax: 200_000,
  trustFileBytesMax: 256 * 1024,
  trustCacheBytesMax: 32 * 1024 * 1024,
  trustFileMs: 3600_000,
  /** How long an offer serves others that ask for the same. */
  offerMs: 2_000,
  offersMax: 10_000,
  budgetBytesDefault: 20 * 1024 ** 3,
  /** Bytes of one cached object. */
  objectBytesMax: 1024 ** 4,
  /** Bytes that one compressed form may unpack to. */
  unpackedBytesMax: 1024 ** 3,
  /** Downloads from upstream at the same time; those beyond are handed through. */
  fillsMax: 1024,
  /** Objects up to this size are checked in memory before the first byte leaves. */
  memoryFillBytesMax: 256 * 1024,
  /** Objects in memory: small ones at once, larger ones when they were asked for this often. */
  memoryBytesMax: 192 * 1024 * 1024,
  memoryObjectBytesMax: 16 * 1024 * 1024,
  hotUses: 3,
  /** Small objects that wait to be written to disk; those beyond stay in memory only. */
  writesWaitingMax: 4096,
  /** After a disk error the cache is left alone for so long. */
  cacheRestMs: 30_000,
  /** How often the time of last use is written down for one entry. */
  lastUseMs: 3600_000,
  /** Releases of a channel whose manifests are known. */
  releasesKnownMax: 32,
  bundlesQueuedMax: 64,
  bundlesKnownMax: 4096,
  /** After a bundle could not be made it is not tried again for so long. */
  bundleRetryMs: 5_000,
  /** What a bundle that the proxy makes may add, and the manifests and objects that it reads. */
  bundleReleaseBytesMax: 256 * 1024 * 1024,
  bundleManifestBytesMax: 16 * 1024 * 1024,
  bundleObjectBytesMax: 64 * 1024 * 1024,
} as const
