/** Limits of the feedback log (docs/limits.md). */
export const feedbackLimits = {
  /** Batches that one transaction takes, and the bytes of their data. */
  batchesPerCommitMax: 1_000,
  bytesPerCommitMax: 16 * 1024 * 1024,
  /** How long a transaction waits for more, under load. */
  gatherMsMax: 10,
  /** Batches that wait for their transaction. */
  batchesWaitingMax: 20_000,
  bytesWaitingMax: 256 * 1024 * 1024,
  /** Entries that an export reads at once. */
  exportGroup: 500,
} as const
