/** Limits of synchronized folders (docs/limits.md). */
export const folderLimits = {
  /** Folders inside each other that are looked into; deeper ones go aside as a whole. */
  depthMax: 128,
  /** Files that are hashed, prepared or placed at one time. */
  concurrentFiles: 16,
  /** How often a folder that somebody keeps replacing is made again during one step. */
  obstacleAttemptsMax: 16,
  journalBytesMax: 512 * 1024 * 1024,
  /** Undo areas that are kept of a folder. */
  undoKept: 3,
} as const
