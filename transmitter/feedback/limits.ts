const mebibyte = 1024 * 1024

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
  /** Bytes of the log of one channel, and the share of them that streams may begin in. */
  channelBytesMax: 8 * 1024 * mebibyte,
  newStreamShare: 0.75,
  /** Streams that may begin in a window, per channel. */
  newStreamsMax: 60_000,
  newStreamWindowMs: 60_000,
  /** Bytes that one tuner may send to one channel in a window: its whole queue, twice. */
  tunerBytesMax: 128 * mebibyte,
  tunerWindowMs: 3600_000,
  /**
   * When a tuner whose feedback was refused may send it again: too late for it to wait, so that its
   * update goes on without. Tuners wait a minute at most.
   */
  fullRetrySecondsMin: 61,
  fullRetrySeconds: 3600,
  /** Channels and tuners that are counted. */
  channelsCounted: 10_000,
  tunersCounted: 100_000,
  /** How long it is remembered how many bytes are free. */
  freeBytesMemoryMs: 1000,
  /** Entries that an export reads at once. */
  exportGroup: 500,
} as const
