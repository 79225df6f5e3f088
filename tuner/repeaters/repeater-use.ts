import type { PollOutcome } from '../../mirroring/index.ts'
import { isLongwaveError, parseChannelAddress } from '../../protocol/index.ts'
import { type Transport, transferError } from '../../transport/index.ts'
import type { TunerContext } from '../context.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { repeaterUseLimits as limits } from './limits.ts'
import { watchSources } from './watch-sources.ts'

/** What using repeaters takes besides the tuner's context. */
export interface RepeaterUseOptions {
  readonly context: TunerContext
  readonly subscription: Subscription
  /** Channel URL at the origin, or where a proxy stands for it. */
  readonly origin: string
  /** Asks the origin for a repeater, and keeps its answer for the subscription. */
  readonly ask: (why: {
    readonly held: string | undefined
    readonly failed: boolean
  }) => Promise<string | null | undefined>
  /** Notes durably that the head was asked for at the origin. */
  readonly noteCompared: () => Promise<void>
}

/** Asks one server for the head. */
export type AskForHead = (
  url: string,
  how: { readonly mirror: boolean; readonly signal?: AbortSignal },
) => Promise<PollOutcome>

/** Repeaters that failed lately, by subscription: a poll's failure counts for the fetch after it. */
const failures = new WeakMap<
  TunerContext,
  Map<string, { readonly repeater: string; readonly atMs: number }>
>()

/** Substitutes that were named meanwhile; null is the origin. */
const substitutes = new WeakMap<TunerContext, Map<string, string | null>>()

/**
 * One subscription's way over its repeater: polls and content go there first, and to the origin
 * when it fails, lags or lies; then the origin names a substitute.
 */
export class RepeaterUse {
  readonly #options: RepeaterUseOptions

  constructor(options: RepeaterUseOptions) {
    this.#options = options
  }

  /** The base URL of the repeater to use now; undefined for the origin. */
  get repeater(): string | undefined {
    const { context, subscription } = this.#options
    if (subscription.proxy !== undefined) return undefined
    const substitute = substitutes.get(context)?.get(subscription.id)
    const repeater = substitute === undefined ? subscription.repeater : (substitute ?? undefined)
    const failed = failures.get(context)?.get(subscription.id)
    if (failed === undefined || failed.repeater !== repeater) return repeater
    const isOver = context.clock.now() - failed.atMs > limits.failedRestMs
    return isOver ? repeater : undefined
  }

  /** The channel at a repeater. */
  #channelAt(repeater: string): string {
    return `${repeater}/${parseChannelAddress(this.#options.subscription.url).name}`
  }

  /**
   * Asks for the head at the repeater, and at the origin daily or when the repeater gives no sound
   * and current answer.
   * @throws what the origin's answer, or its silence, throws
   */
  async poll(ask: AskForHead): Promise<PollOutcome> {
    const { origin } = this.#options
    const { repeater } = this
    if (repeater === undefined) return ask(origin, { mirror: false })
    if (this.#isComparisonDue()) {
      const compared = await this.#compare(ask)
      if (compared !== undefined) return compared
    }
    const first = await this.#try(() => this.#withPatience(ask, this.#channelAt(repeater)))
    if (first.outcome !== undefined && first.outcome.trust.status !== 'lagging') {
      return first.outcome
    }
    const second = await this.#try(() => ask(origin, { mirror: false }))
    if (second.outcome === undefined) {
      // Nobody is current: what is known stays known, and the repeater's own trouble is told.
      if (first.outcome !== undefined) return first.outcome
      throw first.error
    }
    await this.#replace(repeater, { failed: first.outcome === undefined })
    return second.outcome
  }

  /** Where there is somebody else to ask, nobody is waited for as long as for an origin. */
  async #withPatience(ask: AskForHead, url: string): Promise<PollOutcome> {
    const { clock } = this.#options.context
    const isOver = new AbortController()
    const isAnswered = new AbortController()
    void clock.sleep(limits.patienceMs, isAnswered.signal).then(
      () => isOver.abort(transferError('LW_TRANSFER_TIMEOUT', { detail: `Server: ${url}.` })),
      () => undefined,
    )
    try {
      return await ask(url, { mirror: true, signal: isOver.signal })
    } finally {
      isAnswered.abort()
    }
  }

  #isComparisonDue(): boolean {
    const { context, subscription } = this.#options
    const last = Date.parse(subscription.comparedAt ?? subscription.addedAt)
    return !(context.clock.now() - last < limits.compareEveryMs)
  }

  async #compare(ask: AskForHead): Promise<PollOutcome | undefined> {
    const { origin, noteCompared } = this.#options
    const { outcome, error } = await this.#try(() => ask(origin, { mirror: false }))
    if (outcome !== undefined) {
      await noteCompared()
      return outcome
    }
    // A silent origin is what repeaters are for; one that speaks and is refused is not.
    if (isLongwaveError(error) && error.code.startsWith('LW_TRANSFER_')) return undefined
    throw error
  }

  async #try(
    work: () => Promise<PollOutcome>,
  ): Promise<{ readonly outcome?: PollOutcome; readonly error?: unknown }> {
    try {
      return { outcome: await work() }
    } catch (error) {
      if (!isLongwaveError(error)) throw error
      return { error }
    }
  }

  /** Asks for a substitute of a repeater that gave no good answer. */
  async #replace(repeater: string, how: { readonly failed: boolean }): Promise<string | undefined> {
    const { context, subscription, ask } = this.#options
    if (how.failed) {
      const failed = failures.get(context) ?? new Map()
      failures.set(context, failed.set(subscription.id, { repeater, atMs: context.clock.now() }))
    }
    const substitute = await ask({ held: repeater, failed: how.failed })
    if (substitute === undefined || substitute === repeater) return undefined
    const known = substitutes.get(context) ?? new Map()
    substitutes.set(context, known.set(subscription.id, substitute))
    return substitute ?? undefined
  }

  /**
   * Where content is fetched from: the repeater, then the origin. When the repeater fails in the
   * middle it is asked for nothing more, a substitute takes its place, and what was verified stays.
   */
  content(): { readonly sources: readonly string[]; readonly transport: Transport } {
    const { context, origin } = this.#options
    const { repeater } = this
    if (repeater === undefined) return { sources: [origin], transport: context.transport }
    return watchSources({
      transport: context.transport,
      first: this.#channelAt(repeater),
      origin,
      failuresMax: limits.failuresMax,
      substitute: async () => {
        const next = await this.#replace(repeater, { failed: true })
        return next === undefined ? undefined : this.#channelAt(next)
      },
    })
  }
}
