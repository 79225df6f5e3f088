/** Limits of fetching (docs/limits.md). */
export const mirroringLimits = {
  /** Objects in flight at one time. */
  concurrentObjects: 16,
  /** Objects up to this size are fetched into memory and written in one piece. */
  inMemoryBytesMax: 1024 * 1024,
  /** Bytes that all in-memory fetches together may hold. */
  inMemoryBudgetBytes: 32 * 1024 * 1024,
  /** Below this a compressed form is not worth asking for. */
  compressedAskBytesMin: 512,
  /** Steps of a chain of bundles. */
  chainStepsMax: 8,
  /** How often a bundle that is being made is asked for again, and the longest wait between. */
  bundleAsksMax: 3,
  bundleWaitSecondsMax: 5,
  offerBytesMax: 64 * 1024,
} as const
