/** Limits of the server side; docs/limits.md lists them. All times in milliseconds. */
export const servingLimits = {
  /** The head of a request must be complete within this time. */
  headersTimeoutMs: 12_000,
  /** A request's body must be complete within this time; its pace is watched as well. */
  requestTimeoutMs: 6 * 60 * 60_000,
  /** How often Node looks for heads that are late. */
  connectionsCheckMs: 4_000,
  /** Above the minute that HTTP caches keep their connections, so that they close first. */
  keepAliveTimeoutMs: 72_000,
  /** A socket on which nothing at all happens for so long is closed. */
  idleSocketMs: 120_000,
  requestsPerSocketMax: 10_000,
  connectionsMax: 20_000,
  headerBytesMax: 16 * 1024,
  headersMax: 100,
  urlCharactersMax: 8192,
  /** Bytes of a request body unless a route says otherwise. */
  bodyBytesMax: 1024 * 1024,
  /** How often slow senders and slow readers are looked for. */
  sweepMs: 2_500,
  /** A reader that takes not one byte for so long is cut, at the latest after twice the time. */
  readerStallMs: 8_000,
  /** A reader that does not take a whole chunk in so long is cut, too. */
  readerChunkMs: 120_000,
  /** A sender must bring `senderBytesPerSecondMin` over every window of so long. */
  senderWindowMs: 12_000,
  senderBytesPerSecondMin: 256,
  /** Graceful stop: what is not finished after this is cut. */
  drainTimeoutMs: 10_000,
  drainPollMs: 50,
  /** Bytes per read and write of an object's body: the least of these that holds what is left. */
  chunkBytes: [16 * 1024, 64 * 1024, 256 * 1024],
  /** Chunks of one response that are on their way at the same time. */
  chunksInFlightMax: 2,
  /** Beyond this much on its way in all responses, each gets along with one smallest chunk. */
  inFlightBytesMax: 48 * 1024 * 1024,
  /** Bytes of buffers kept for reuse. */
  pooledBytesMax: 16 * 1024 * 1024,
  memoryObjectBytesMax: 256 * 1024,
  memoryBudgetBytes: 128 * 1024 * 1024,
  /** Packs of objects that are put together at one time; who comes later is told to ask again. */
  packsMax: 16,
  packRetrySeconds: 1,
  /** A pack that was not taken whole by then is cut; the client asks for the rest. */
  packMs: 5 * 60_000,
  /** Brotli's quality and window (bits) for packs: what is made anew for each asker must be cheap. */
  packQuality: 5,
  packWindowBits: 20,
  /** Objects of a pack that are read ahead of the compressor, and their bytes. */
  packAheadObjectsMax: 16,
  packAheadBytesMax: 1024 * 1024,
  /** Objects of a pack that are looked up before other requests get their turn. */
  packLookupsPerTurn: 128,
  hotMatchersMax: 16,
  hotRoutesMax: 100_000,
  healthChecksMax: 32,
  healthCheckTimeoutMs: 2_000,
  problemDetailCharactersMax: 2_000,
} as const
