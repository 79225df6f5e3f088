import type { LongwaveError } from '../protocol/index.ts'
import type { RandomFraction } from './clock.ts'
import { transportLimits as limits } from './limits.ts'

/** How often and how patiently one call is repeated. */
export interface RetryPolicy {
  /** Failures in a row that end the call; 1 means no retry. */
  readonly attemptsMax?: number
  /** The same when no connection came about. */
  readonly connectAttemptsMax?: number
  /** The same when the server stopped sending, or all but: each time takes a while to notice. */
  readonly stalledAttemptsMax?: number
  readonly backoffBaseMs?: number
  readonly backoffCapMs?: number
  /** Time that all waits of one call may take. */
  readonly budgetMs?: number
  /** A longer Retry-After ends the call. */
  readonly retryAfterWaitMsMax?: number
}

/** Decides, failure by failure, whether and when one call is tried again. */
export class RetrySchedule {
  readonly #policy: RetryPolicy
  readonly #random: RandomFraction
  #inRow = 0
  #total = 0
  #waitedMs = 0

  constructor(policy: RetryPolicy, random: RandomFraction) {
    this.#policy = policy
    this.#random = random
  }

  /** The transfer came further: the next failure counts as the first one. */
  progressed(): void {
    this.#inRow = 0
    this.#waitedMs = 0
  }

  /** Milliseconds until the next attempt; `undefined` when the failure is final. */
  delayAfter(error: LongwaveError): number | undefined {
    if (!error.retryable) return undefined
    this.#inRow += 1
    this.#total += 1
    if (this.#inRow >= this.#attemptsMax(error) || this.#total >= limits.resumesMax) {
      return undefined
    }
    const delayMs = this.#delayMs(error)
    if (delayMs === undefined) return undefined
    this.#waitedMs += delayMs
    return this.#waitedMs > (this.#policy.budgetMs ?? limits.retryBudgetMs) ? undefined : delayMs
  }

  #attemptsMax(error: LongwaveError): number {
    const attemptsMax = this.#policy.attemptsMax ?? limits.attemptsMax
    const { connectAttemptsMax, stalledAttemptsMax } = this.#policy
    switch (error.code) {
      case 'LW_TRANSFER_UNREACHABLE':
        return Math.min(attemptsMax, connectAttemptsMax ?? limits.connectAttemptsMax)
      case 'LW_TRANSFER_STALLED':
        return Math.min(attemptsMax, stalledAttemptsMax ?? attemptsMax)
      default:
        return attemptsMax
    }
  }

  /** Full jitter: anything between nothing and the doubled wait, so that a herd spreads. */
  #delayMs(error: LongwaveError): number | undefined {
    const base = this.#policy.backoffBaseMs ?? limits.backoffBaseMs
    const cap = this.#policy.backoffCapMs ?? limits.backoffCapMs
    const jittered = this.#random() * Math.min(cap, base * 2 ** (this.#inRow - 1))
    const floor = this.#inRow >= limits.backoffFloorAfter ? limits.backoffFloorMs : 0
    if (error.retryAfterSeconds === undefined) return Math.max(floor, jittered)
    const askedMs = error.retryAfterSeconds * 1000
    if (askedMs > (this.#policy.retryAfterWaitMsMax ?? limits.retryAfterWaitMsMax)) return undefined
    // Never before the time that the server asked for, and not everybody at that very moment.
    return Math.max(floor, askedMs + jittered)
  }
}
