/** Limits of following bare DRP indexes (docs/limits.md). */
export const indexLimits = {
  indexBytesMax: 64 * 1024 * 1024,
  entriesMax: 200_000,
  stateBytesMax: 64 * 1024,
  /** Files whose size an index does not tell and which are asked for it at one time. */
  concurrentSizes: 8,
} as const
