/** Limits of update requests (docs/limits.md). */
export const updateRequestLimits = {
  /** Answers that are kept for requests that are sent again, their bytes, and how long. */
  answersKept: 10_000,
  answerBytesKept: 64 * 1024 * 1024,
  answerRestMs: 10 * 60_000,
  /** Bytes of bodies that are being received and worked on. */
  bodyBytesMax: 512 * 1024 * 1024,
  /** From so many bytes on the requests of a channel are taken one by one, with a rest between. */
  largeBytesMin: 128 * 1024,
  largeRestMs: 400,
  /** Large requests of one channel that wait for their turn. */
  largeWaitingMax: 16,
  /** Requests that are worked on at once. */
  requestsMax: 20_000,
  /** Channels whose metadata are held ready. */
  headsKept: 1_000,
  rootsKept: 1_000,
  /** How often the metadata are read again when they change meanwhile. */
  headAttemptsMax: 5,
  /** Roots that one answer carries. */
  rootsPerAnswerMax: 32,
  /** Entries in the future by more than this are noted at the time of their arrival. */
  clockSkewMs: 24 * 3600_000,
} as const
