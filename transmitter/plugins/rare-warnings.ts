import type { Logger } from 'pino'
import { pluginLimits as limits } from './limits.ts'

interface Told {
  atMs: number
  /** How often it happened since. */
  more: number
}

/**
 * Warnings that every request may give rise to: the first of a channel and kind is logged, then one
 * in a window with the count of those between, so that a herd cannot fill the log.
 */
export class RareWarnings {
  readonly #logger: Logger
  readonly #clock: { now(): number }
  readonly #told = new Map<string, Told>()

  constructor(logger: Logger, clock: { now(): number }) {
    this.#logger = logger
    this.#clock = clock
  }

  warn(text: string, facts: { readonly channel: string; readonly err: unknown }): void {
    const key = `${facts.channel} ${text}`
    const nowMs = this.#clock.now()
    const told = this.#told.get(key)
    if (told !== undefined && Math.abs(nowMs - told.atMs) < limits.warningWindowMs) {
      told.more += 1
      return
    }
    this.#logger.warn({ ...facts, ...(told === undefined ? {} : { before: told.more }) }, text)
    this.#told.delete(key)
    this.#told.set(key, { atMs: nowMs, more: 0 })
    const oldest = this.#told.keys().next().value
    if (this.#told.size > limits.warningsKept && oldest !== undefined) this.#told.delete(oldest)
  }
}
