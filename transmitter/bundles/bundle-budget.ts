import type { ChannelName } from '../../protocol/index.ts'
import { transmitterLimits as limits } from '../limits.ts'

interface Spending {
  readonly sinceMs: number
  usedMs: number
}

/** How much making time each channel has left; when it is spent, tuners take chains or objects. */
export class BundleBudget {
  readonly #clock: { now(): number }
  readonly #spending = new Map<ChannelName, Spending>()

  constructor(clock: { now(): number }) {
    this.#clock = clock
  }

  isSpent(name: ChannelName): boolean {
    return this.#of(name).usedMs >= limits.bundleBudgetMs
  }

  spend(name: ChannelName, ms: number): void {
    this.#of(name).usedMs += ms
  }

  #of(name: ChannelName): Spending {
    const nowMs = this.#clock.now()
    const known = this.#spending.get(name)
    if (known !== undefined && nowMs - known.sinceMs < limits.bundleBudgetWindowMs) return known
    const fresh = { sinceMs: nowMs, usedMs: 0 }
    this.#spending.set(name, fresh)
    return fresh
  }
}
