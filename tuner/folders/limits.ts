/** Limits of synchronized folders (docs/limits.md). */
export const folderLimits = {
  depthMax: 128,
  concurrentFiles: 16,
  /** Steps of one journal. */
  stepsMax: 2_000_000,
  journalBytesMax: 512 * 1024 * 1024,
} as const
