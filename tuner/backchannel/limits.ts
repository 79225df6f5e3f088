/** Limits of the local API of running channels (docs/limits.md). */
export const backChannelLimits = {
  /** Connections to the socket of one subscription. */
  connectionsMax: 64,
  /** Subscriptions that have a socket. */
  socketsMax: 1_000,
  headersTimeoutMs: 10_000,
  /** How often a running channel's connection is written to, so that a dead one is noticed. */
  heartbeatMs: 15_000,
  /** Unsent bytes at which a channel that reads no events is let go. */
  unsentBytesMax: 256 * 1024,
  /** How often new subscriptions are looked for. */
  refreshMs: 5_000,
} as const
