export interface RateWindowOptions {
  readonly clock: { now(): number }
  readonly windowMs: number
  /** What one key may take in a window. */
  readonly amountMax: number
  /** Keys that are counted; the oldest is forgotten for a new one. */
  readonly keysMax: number
}

/** Counts what each key takes, in windows of time that begin anew for all of them at once. */
export class RateWindow {
  readonly #options: RateWindowOptions
  readonly #taken = new Map<string, number>()
  #endsMs = 0

  constructor(options: RateWindowOptions) {
    this.#options = options
  }

  /** Takes the amount, or nothing and says no. What is the first in a window always goes. */
  take(key: string, amount: number): boolean {
    const { clock, windowMs, amountMax, keysMax } = this.#options
    const nowMs = clock.now()
    // A clock that was set back must not make a window endless.
    if (nowMs >= this.#endsMs || nowMs < this.#endsMs - windowMs) {
      this.#taken.clear()
      this.#endsMs = nowMs + windowMs
    }
    const taken = this.#taken.get(key)
    if (taken !== undefined && taken + amount > amountMax) return false
    if (taken === undefined && this.#taken.size >= keysMax) {
      for (const oldest of this.#taken.keys()) {
        this.#taken.delete(oldest)
        break
      }
    }
    this.#taken.set(key, (taken ?? 0) + amount)
    return true
  }

  /** Whole seconds until everybody may take again. */
  get restSeconds(): number {
    return Math.max(1, Math.ceil((this.#endsMs - this.#options.clock.now()) / 1000))
  }
}
