/** Limits of update requests (docs/limits.md). */
export const requestLimits = {
  /** Bodies from this size on travel compressed. */
  compressBytesMin: 1024,
  /** Requests that one update makes to bring a long queue home. */
  requestsMax: 40,
  /** New tuner keys, epochs and request ids that one update begins. */
  renewalsMax: 4,
} as const
