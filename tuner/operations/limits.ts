/** Limits of the tuner's operations (docs/limits.md). */
export const operationLimits = {
  /** Backoff after failures that may pass by themselves. */
  retryBaseMs: 30_000,
  retryCapMs: 60 * 60 * 1000,
  /** Backoff after what was refused: a signature, a hash, a rule. */
  refusedRetryBaseMs: 15 * 60 * 1000,
  refusedRetryCapMs: 24 * 60 * 60 * 1000,
  /** Nothing is tried again sooner. */
  retryFloorMs: 1000,
  /** Damages that one error or answer names. */
  damagesNamedMax: 100,
  /** A ticket for a closed channel is shown so long; it opens it for an hour. */
  ticketUsedMs: 55 * 60 * 1000,
  /** One that is refused sooner after it was got is not replaced: the next would fare no better. */
  ticketRestMs: 60_000,
  /** How long the proxy of a site is waited for, and the bytes of its health. */
  findProxyMs: 5_000,
  healthBytesMax: 64 * 1024,
  /** Temporary files in the home of this age belong to nobody who lives. */
  litterAgeMs: 60_000,
} as const
