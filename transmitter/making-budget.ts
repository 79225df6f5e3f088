import type { ChannelName } from '../protocol/index.ts'
import { transmitterLimits as limits } from './limits.ts'

interface Spending {
  readonly sinceMs: number
  usedMs: number
}

/** How much making time each channel has left; when it is spent, what is asked for goes whole. */
export class MakingBudget {
  readonly #clock: { now(): number }
  readonly #budgetMs: number
  readonly #spending = new Map<ChannelName, Spending>()

  /** @param budgetMs what a channel may use in one window */
  constructor(clock: { now(): number }, budgetMs: number) {
    this.#clock = clock
    this.#budgetMs = budgetMs
  }

  isSpent(name: ChannelName): boolean {
    return this.#of(name).usedMs >= this.#budgetMs
  }

  spend(name: ChannelName, ms: number): void {
    this.#of(name).usedMs += ms
  }

  #of(name: ChannelName): Spending {
    const nowMs = this.#clock.now()
    const known = this.#spending.get(name)
    if (known !== undefined && nowMs - known.sinceMs < limits.makingWindowMs) return known
    const fresh = { sinceMs: nowMs, usedMs: 0 }
    this.#spending.set(name, fresh)
    return fresh
  }
}
