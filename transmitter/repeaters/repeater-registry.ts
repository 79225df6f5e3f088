import type { ChannelName, RepeaterReport } from '../../protocol/index.ts'
import type { RepeaterHolding, ServerRecords } from '../../store/server-records/index.ts'
import { repeaterOriginLimits as limits } from './limits.ts'

/** Which repeaters there are, whether they are up, and what they serve; shared by all processes. */
export class RepeaterRegistry {
  readonly #records: ServerRecords
  readonly #clock: { now(): number }
  readonly #written = new Map<string, number>()
  readonly #holdings = new Map<
    ChannelName,
    { readonly atMs: number; readonly holdings: readonly RepeaterHolding[] }
  >()

  constructor(options: { readonly records: ServerRecords; readonly clock: { now(): number } }) {
    this.#records = options.records
    this.#clock = options.clock
  }

  /** A repeater asked for news. */
  async noteSeen(url: string): Promise<void> {
    const nowMs = this.#clock.now()
    if (nowMs - (this.#written.get(url) ?? 0) < limits.seenWriteMs) return
    this.#written.set(url, nowMs)
    await this.#records.repeaters.seen(url, nowMs)
  }

  /** Its connection broke while it was waiting: it is down until it asks again. */
  async noteGone(url: string): Promise<void> {
    this.#written.delete(url)
    this.#holdings.clear()
    await this.#records.repeaters.seen(url, 0)
  }

  async report(url: string, report: RepeaterReport): Promise<void> {
    const nowMs = this.#clock.now()
    this.#written.set(url, nowMs)
    await this.#records.repeaters.report(url, report.channels, nowMs)
    this.#holdings.clear()
    await this.#records.repeaters.ready(url, report.ready)
  }

  /** Repeaters that are up, whatever they serve. */
  async live(): Promise<ReadonlySet<string>> {
    const all = await this.#records.repeaters.list()
    return new Set(all.filter(({ seenAtMs }) => this.#isLive(seenAtMs)).map(({ url }) => url))
  }

  /** The release of a channel that each repeater serves, of those that are up. */
  async holding(channel: ChannelName): Promise<ReadonlyMap<string, number>> {
    const known = this.#holdings.get(channel)
    const nowMs = this.#clock.now()
    const fresh =
      known !== undefined && nowMs - known.atMs < limits.memoryMs
        ? known.holdings
        : await this.#records.repeaters.holdings(channel)
    if (fresh !== known?.holdings) this.#holdings.set(channel, { atMs: nowMs, holdings: fresh })
    const live = fresh.filter(({ seenAtMs }) => this.#isLive(seenAtMs))
    return new Map(live.map(({ url, release }) => [url, release]))
  }

  /** Drops those that have not been heard of for a month. */
  async forgetOld(): Promise<void> {
    await this.#records.repeaters.forget(this.#clock.now() - limits.forgetMs)
  }

  #isLive(seenAtMs: number): boolean {
    return this.#clock.now() - seenAtMs <= limits.seenMs
  }
}
