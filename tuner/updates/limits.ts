/** Limits of updates (docs/limits.md). */
export const updateLimits = {
  /** Room that an update leaves free besides what it needs: bytes and names. */
  reserveBytes: 16 * 1024 * 1024,
  reserveNames: 64,
  /** Channels that are updated at one time. */
  concurrentChannels: 8,
} as const
