/** Limits of updates (docs/limits.md). */
export const updateLimits = {
  /** Room that an update leaves free besides what it needs, bytes. */
  reserveBytes: 16 * 1024 * 1024,
  /** Channels that are updated at one time. */
  concurrentChannels: 8,
} as const
