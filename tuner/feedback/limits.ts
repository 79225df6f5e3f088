/** Limits of the queue of feedback (docs/limits.md). */
export const feedbackLimits = {
  /** Entries that one subscription may have waiting, and their bytes. */
  entriesMax: 10_000,
  bytesMax: 64 * 1024 * 1024,
  /** Entries that one write makes durable. */
  entriesPerCommitMax: 500,
  bytesPerCommitMax: 8 * 1024 * 1024,
  /** Entries of one update request. */
  entriesPerRequestMax: 1_000,
  /** Files of an outbox that are taken over at once. */
  outboxGroup: 200,
} as const
