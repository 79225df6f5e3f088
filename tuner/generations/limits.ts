/** Limits of generations (docs/limits.md). */
export const generationLimits = {
  recordBytesMax: 64 * 1024,
  /** Generations that are kept besides those in use. */
  keptDefault: 3,
  /** Files that are placed, hashed or synced at one time. */
  concurrentFiles: 16,
} as const
