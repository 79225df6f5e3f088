/** Limits of the local socket (docs/limits.md). */
export const controlLimits = {
  connectionsMax: 32,
  /** Bytes of one line that a command sends. */
  requestBytesMax: 4 * 1024 * 1024,
  /** Bytes of one line that a tuner answers with. */
  answerBytesMax: 256 * 1024 * 1024,
  /** How long a tuner may take to accept a connection. */
  connectTimeoutMs: 5_000,
  /** Progress is told so often at the most. */
  progressEveryMs: 100,
  /** Unsent bytes beyond which progress is left out: the command reads slowly. */
  unsentBytesMax: 1024 * 1024,
  /** How long commands may take to end when the tuner stops. */
  stopMs: 5_000,
} as const
