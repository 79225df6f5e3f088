/** Limits of updates (docs/limits.md). */
export const updateLimits = {
  /** Room that an update leaves free besides what it needs: bytes and names. */
  reserveBytes: 16 * 1024 * 1024,
  reserveNames: 64,
  /** Bytes of a whole path that the system takes, and of them for names of work under way. */
  pathBytesMax: process.platform === 'darwin' ? 1023 : 4095,
  pathReserveBytes: 64,
  /** Characters of a path that an error shows. */
  pathShownCharacters: 200,
  /** Paths that the refusal of a folder shows of each kind, and names in its members. */
  changesShown: 5,
  changesNamedMax: 100,
  /** Channels that are updated at one time. */
  concurrentChannels: 8,
} as const
