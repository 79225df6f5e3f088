/** Limits of the scheduler (docs/limits.md). */
export const schedulerLimits = {
  /** How often the clock is looked at at least: sleep and a changed clock are noticed by then. */
  wakeEveryMs: 60_000,
  sleepMsMin: 50,
  /** When a subscription that could not even be asked for is tried again. */
  troubledRetryMs: 10 * 60_000,
} as const
