/** Limits of using repeaters (docs/limits.md). */
export const repeaterUseLimits = {
  /** How often the head is asked for at the origin although there is a repeater. */
  compareEveryMs: 24 * 3600_000,
  /** How long a repeater may take to tell the head before the origin is asked. */
  patienceMs: 15_000,
  /** Failures of a repeater in one fetch after which it is asked for nothing more. */
  failuresMax: 3,
  /** How long a repeater that failed is not tried again before somebody else was asked. */
  failedRestMs: 10 * 60_000,
  /** Paths that are remembered to tell what a repeater could not deliver. */
  pathsNotedMax: 4096,
  documentBytesMax: 64 * 1024,
  askTimeoutMs: 15_000,
} as const
