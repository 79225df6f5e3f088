/** Limits of the library for channels (docs/limits.md). */
export const sdkLimits = {
  /** Entries and bytes that wait in an outbox while no tuner runs. */
  outboxEntriesMax: 10_000,
  outboxBytesMax: 64 * 1024 * 1024,
  /** Bytes of a line of events. */
  eventBytesMax: 64 * 1024,
  /** Pauses before the tuner is dialled again: doubled each time, up to the second. */
  redialBaseMs: 500,
  redialCapMs: 30_000,
  /** How long the tuner may take to answer; an update may take long. */
  answerTimeoutMs: 30_000,
  updateTimeoutMs: 60 * 60_000,
  answerBytesMax: 2 * 1024 * 1024,
} as const
