/** Limits of fetching (docs/limits.md). */
export const mirroringLimits = {
  /** Objects in flight at one time. */
  concurrentObjects: 16,
  /** Objects up to this size are fetched into memory and written in one piece. */
  inMemoryBytesMax: 1024 * 1024,
  /** Bytes that all in-memory fetches together may hold. */
  inMemoryBudgetBytes: 32 * 1024 * 1024,
  /** What a transfer that streams to disk counts for in that budget. */
  streamBytes: 512 * 1024,
  /** Below this a compressed form is not worth asking for; beyond the other it is streamed plain. */
  compressedAskBytesMin: 512,
  compressedBytesMax: 16 * 1024 * 1024,
  /** How often all sources are asked again for an object that arrived damaged. */
  damagedRoundsMax: 4,
  /** Objects up to this size are fetched in packs, so many and so many bytes of them at once. */
  packObjectBytesMax: 256 * 1024,
  packObjectsMax: 2048,
  packBytesMax: 16 * 1024 * 1024,
  /** Fewer are fetched one by one. */
  packObjectsMin: 8,
  /** Packs in flight at one time. */
  concurrentPacks: 2,
  /** How often one pack is asked for, when the server is busy or the connection breaks. */
  packAttemptsMax: 4,
  packWaitSecondsMax: 5,
  /** Bytes that unpacking brings at once. */
  packChunkBytes: 128 * 1024,
  /** Steps of a chain of bundles. */
  chainStepsMax: 8,
  /**
   * A release between may be so many times as large as the larger of the releases at the ends,
   * and so many bytes more.
   */
  chainGrowthMax: 4,
  chainGrowthBytes: 64 * 1024 * 1024,
  /** Files from this size on are asked for as differences, so many of them at the most. */
  differenceFileBytesMin: 256 * 1024,
  differencesMax: 64,
  /** A difference is held in memory. */
  differenceBytesMax: 16 * 1024 * 1024,
  /** How often a bundle that is being made is asked for again, and the longest wait between. */
  bundleAsksMax: 3,
  bundleWaitSecondsMax: 5,
  /** Answers about routes. */
  offerBytesMax: 64 * 1024,
} as const
