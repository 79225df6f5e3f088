import { isLongwaveError } from '../../protocol/index.ts'
import type { TunerContext } from '../context.ts'
import {
  dueOf,
  passedOverText,
  scheduleOf,
  type UpdateResult,
  updateSubscription,
} from '../operations/index.ts'
import { loadPolicy, type Policy } from '../policy/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { updateLimits } from '../updates/index.ts'
import { schedulerLimits } from './limits.ts'

/** What the scheduler tells while it works. */
export type SchedulerEvent =
  | { readonly type: 'result'; readonly result: UpdateResult }
  | { readonly type: 'failure'; readonly subscription: Subscription; readonly error: unknown }
  /** A subscription whose record cannot be read is not worked for; told once. */
  | { readonly type: 'damaged'; readonly id: string; readonly error: unknown }
  /** Something that does not stop the work, and that its user should know; told once. */
  | { readonly type: 'warning'; readonly subscription: Subscription; readonly text: string }

export interface SchedulerOptions {
  readonly signal: AbortSignal
  /** Called once when this tuner is the one that runs in the home, before its first work. */
  readonly onStarted?: () => void
  readonly onEvent?: (event: SchedulerEvent) => void
}

interface Due {
  readonly atMs: number
  /** What the time was computed from: when that changes it is computed anew. */
  readonly basis: string
}

/**
 * Runs scheduled updates. Due times are held from round to round, so that runs that were missed
 * while the machine slept become one.
 */
export class Scheduler {
  readonly #context: TunerContext
  readonly #options: SchedulerOptions
  readonly #due = new Map<string, Due>()
  readonly #running = new Map<string, Promise<void>>()
  /** Subscriptions whose trouble was told; told again when it has passed in between. */
  readonly #troubled = new Set<string>()
  readonly #warnings = new Map<string, string>()
  #policy: Policy | undefined
  #wake = new AbortController()

  constructor(context: TunerContext, options: SchedulerOptions) {
    this.#context = context
    this.#options = options
  }

  /** Looks again at once: something changed. */
  nudge(): void {
    this.#wake.abort()
  }

  /** Works until the signal and then waits for what is under way. */
  async run(): Promise<void> {
    const { signal } = this.#options
    this.#policy = await loadPolicy(this.#context.fs, this.#context.directory)
    const onAbort = (): void => this.nudge()
    signal.addEventListener('abort', onAbort)
    try {
      while (!signal.aborted) {
        // Made before the look, so that what changes during it is not missed.
        this.#wake = new AbortController()
        const wakeMs = await this.#round()
        const sleepMs = Math.max(schedulerLimits.sleepMsMin, wakeMs - this.#context.clock.now())
        await this.#context.clock.sleep(sleepMs, this.#wake.signal).catch(() => undefined)
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      await Promise.all(this.#running.values())
    }
  }

  /** Starts what is due; returns when to look again. */
  async #round(): Promise<number> {
    const { clock, subscriptions } = this.#context
    await this.#refreshPolicy()
    let wakeMs = clock.now() + schedulerLimits.wakeEveryMs
    const present = new Set<string>()
    for (const subscription of await subscriptions.list()) {
      if (this.#options.signal.aborted) break
      present.add(subscription.id)
      if (this.#running.has(subscription.id)) continue
      const atMs = await this.#dueOf(subscription)
      if (atMs === undefined) continue
      if (atMs > clock.now()) wakeMs = Math.min(wakeMs, atMs)
      // One that finds no place now is started when another ends.
      else if (this.#running.size < updateLimits.concurrentChannels) this.#start(subscription)
    }
    await this.#tellDamaged()
    for (const id of this.#due.keys()) if (!present.has(id)) this.#due.delete(id)
    return wakeMs
  }

  async #tellDamaged(): Promise<void> {
    for (const { id, error } of await this.#context.subscriptions.damaged()) {
      if (this.#troubled.has(id)) continue
      this.#troubled.add(id)
      this.#options.onEvent?.({ type: 'damaged', id, error })
    }
  }

  /** A rule that was made unreadable leaves the last one in force. */
  async #refreshPolicy(): Promise<void> {
    const { fs, directory } = this.#context
    try {
      this.#policy = await loadPolicy(fs, directory)
    } catch (error) {
      if (!isLongwaveError(error, 'LW_TUNER_POLICY_DAMAGED')) throw error
    }
  }

  async #dueOf(subscription: Subscription): Promise<number | undefined> {
    const { id } = subscription
    try {
      const policy = this.#policy ?? { all: {}, channels: new Map() }
      const schedule = await scheduleOf(this.#context, subscription, policy)
      this.#warn(subscription, passedOverText(schedule))
      const status = await this.#context.history.status(id)
      const { checkedAt, failure, turnMs, notBeforeMs } = status
      const { paused, addedAt } = subscription
      const basis = JSON.stringify([
        schedule.text,
        addedAt,
        checkedAt,
        failure?.retryMs,
        turnMs,
        notBeforeMs,
        paused,
      ])
      const known = this.#due.get(id)
      if (known?.basis === basis) return known.atMs
      const atMs = dueOf(this.#context, { subscription, status, schedule: schedule.text })
      if (atMs === undefined) this.#due.delete(id)
      else this.#due.set(id, { atMs, basis })
      this.#troubled.delete(id)
      return atMs
    } catch (error) {
      if (!this.#troubled.has(id)) this.#options.onEvent?.({ type: 'failure', subscription, error })
      this.#troubled.add(id)
      return undefined
    }
  }

  /** Tells a warning when it is another than the last one of this subscription. */
  #warn(subscription: Subscription, text: string | undefined): void {
    const { id } = subscription
    if (this.#warnings.get(id) === text) return
    if (text === undefined) {
      this.#warnings.delete(id)
      return
    }
    this.#warnings.set(id, text)
    this.#options.onEvent?.({ type: 'warning', subscription, text })
  }

  #start(subscription: Subscription): void {
    const { id } = subscription
    const run = this.#runOne(subscription).finally(() => {
      this.#running.delete(id)
      this.nudge()
    })
    this.#running.set(id, run)
  }

  async #runOne(subscription: Subscription): Promise<void> {
    const { signal, onEvent } = this.#options
    try {
      const result = await updateSubscription(this.#context, subscription, {
        scheduled: true,
        signal,
      })
      onEvent?.({ type: 'result', result })
    } catch (error) {
      if (!signal.aborted) onEvent?.({ type: 'failure', subscription, error })
      // A failure before the poll leaves no note: without a new basis it would be due for ever.
      const atMs = this.#context.clock.now() + schedulerLimits.troubledRetryMs
      const due = this.#due.get(subscription.id)
      if (due !== undefined) this.#due.set(subscription.id, { ...due, atMs })
    }
  }
}
