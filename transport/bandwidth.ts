import { systemClock, type TransportClock } from './clock.ts'
import { transportLimits as limits } from './limits.ts'

/** A budget of bytes per second that any number of transfers share, first come first served. */
export interface BandwidthLimit {
  /** Bytes per second; `undefined` when nothing is held back. */
  readonly bytesPerSecond: number | undefined
  /** Changes the rate; transfers that already wait keep their turn. */
  setRate(bytesPerSecond: number | undefined): void
  /** Accounts for bytes that moved; the promise ends when the next ones may. */
  take(bytes: number, signal?: AbortSignal): Promise<void> | undefined
}

/** What `createBandwidthLimit` takes. */
export interface BandwidthOptions {
  readonly bytesPerSecond: number | undefined
  readonly clock?: TransportClock
}

/**
 * Token bucket, kept as the moment at which it would be full again: no timer runs while idle.
 * @throws TypeError when the rate is not positive: a programmer's mistake.
 */
export function createBandwidthLimit(options: BandwidthOptions): BandwidthLimit {
  const clock = options.clock ?? systemClock
  let rate = checkRate(options.bytesPerSecond)
  let fullAtMs = 0
  return {
    get bytesPerSecond() {
      return rate
    },
    setRate(bytesPerSecond) {
      rate = checkRate(bytesPerSecond)
      if (rate === undefined) fullAtMs = 0
    },
    take(bytes, signal) {
      if (rate === undefined) return undefined
      const now = clock.now()
      fullAtMs = Math.max(fullAtMs, now) + (bytes / rate) * 1000
      const waitMs = fullAtMs - now - limits.bandwidthBurstMs
      return waitMs < 1 ? undefined : clock.sleep(waitMs, signal)
    },
  }
}

function checkRate(bytesPerSecond: number | undefined): number | undefined {
  if (bytesPerSecond === undefined) return undefined
  if (!Number.isFinite(bytesPerSecond) || bytesPerSecond <= 0) {
    throw new TypeError(`a bandwidth of ${bytesPerSecond} bytes per second moves nothing`)
  }
  return bytesPerSecond
}
