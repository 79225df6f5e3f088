import { setTimeout as delay } from 'node:timers/promises'

/** Time as transfers see it; a simulation replaces it. */
export interface TransportClock {
  /** Milliseconds since 1970. */
  now(): number
  /** Resolves after so many milliseconds; rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** The machine's own clock. */
export const systemClock: TransportClock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    await delay(ms, undefined, signal === undefined ? {} : { signal })
  },
}

/** A number from 0 up to, but not including, 1. */
export type RandomFraction = () => number
