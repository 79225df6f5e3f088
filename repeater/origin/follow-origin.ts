import type { Logger } from 'pino'
import {
  type ChannelName,
  isChannelName,
  isLongwaveError,
  type PreparedRelease,
  type RepeaterHead,
  type RepeaterNews,
} from '../../protocol/index.ts'
import type { ChannelCatalogue } from '../../serving/channels/index.ts'
import { inParallel } from '../../store/durable-files/index.ts'
import type { MirrorContext, WantedChannel } from '../context.ts'
import { repeaterLimits as limits } from '../limits.ts'
import { ChannelMirror } from '../mirror/index.ts'
import { listChannels, pollOrigin, reportToOrigin } from './origin-api.ts'

export interface FollowOptions {
  readonly context: MirrorContext
  readonly channels: ChannelCatalogue
  readonly logger: Logger
  /** The channels to mirror; all that the origin shows when absent. */
  readonly wanted: readonly WantedChannel[] | undefined
  publicUrl(): string
}

/**
 * Follows an origin: hears of changes at once where it is registered, and compares every half
 * minute all the same. A failure of one channel, or of the origin, stops nothing.
 */
export class OriginFollower {
  readonly mirrors = new Map<ChannelName, ChannelMirror>()
  readonly #options: FollowOptions
  readonly #heads = new Map<ChannelName, RepeaterHead>()
  readonly #syncs = new Map<ChannelName, Promise<void>>()
  readonly #syncsAgain = new Set<ChannelName>()
  readonly #preparing = new Set<string>()
  readonly #ready = new Set<string>()
  #reachedAtMs = 0
  #isRegistered = false
  #reporting: Promise<void> | undefined
  #isReportDue = false

  constructor(options: FollowOptions) {
    this.#options = options
    for (const wanted of options.wanted ?? []) this.#mirrorOf(wanted.name)
  }

  /** When the origin answered last; 0 before. */
  get reachedAtMs(): number {
    return this.#reachedAtMs
  }

  /** Whether the origin knows this repeater, and tells it of changes at once. */
  get isRegistered(): boolean {
    return this.#isRegistered
  }

  /** What is served from a run before is followed on, also before the origin is reached. */
  resume(): void {
    for (const { record } of this.#options.channels.list()) this.#mirrorOf(record.name)
  }

  /** Runs until the context's signal. */
  async run(): Promise<void> {
    const { origin } = this.#options.context
    const loops = [this.#refresh()]
    if (origin.token !== undefined) loops.push(this.#listen())
    await Promise.all(loops)
  }

  /** Compares every channel with the origin now. */
  async syncAll(): Promise<void> {
    await this.#discover()
    await inParallel(this.mirrors.keys(), limits.concurrentChannels, (name) => this.#sync(name))
  }

  #mirrorOf(name: ChannelName): ChannelMirror | undefined {
    const known = this.mirrors.get(name)
    if (known !== undefined) return known
    const { context, wanted } = this.#options
    const entry = wanted?.find((one) => one.name === name)
    if (wanted !== undefined && entry === undefined) return undefined
    if (this.mirrors.size >= limits.channelsMax) return undefined
    const mirror = new ChannelMirror(context, { name, channelId: entry?.channelId })
    this.mirrors.set(name, mirror)
    return mirror
  }

  async #refresh(): Promise<void> {
    const { clock, signal } = this.#options.context
    while (!signal.aborted) {
      const nowMs = clock.now()
      await this.#attempt('compare with the origin', async () => {
        if (this.#isRegistered && this.mirrors.size > 0) {
          const due = [...this.mirrors.values()].filter(
            ({ state }) => nowMs - state.confirmedAtMs >= limits.refreshMs,
          )
          const names = due.map(({ name }) => name)
          await inParallel(names, limits.concurrentChannels, (name) => this.#sync(name))
        } else await this.syncAll()
      })
      await clock.sleep(limits.refreshMs, signal).catch(() => undefined)
    }
  }

  async #listen(): Promise<void> {
    const { context } = this.#options
    const { clock, signal } = context
    let cursor: string | undefined
    let pauseMs: number = limits.retryMs
    while (!signal.aborted) {
      const went = await this.#attempt('hear of news', async () => {
        const question = { publicUrl: this.#options.publicUrl(), cursor }
        const news = await pollOrigin(context, question)
        this.#noteReached()
        const isNew = !this.#isRegistered
        this.#isRegistered = true
        if (news !== undefined) {
          cursor = news.cursor
          this.#takeNews(news)
        } else for (const head of this.#heads.values()) this.#compare(head)
        if (isNew) this.#report()
      })
      if (went) pauseMs = limits.retryMs
      else {
        this.#isRegistered = false
        cursor = undefined
        await clock.sleep(pauseMs, signal).catch(() => undefined)
        pauseMs = Math.min(pauseMs * 2, limits.retryMsMax)
      }
    }
  }

  #takeNews(news: RepeaterNews): void {
    this.#heads.clear()
    for (const head of news.heads) {
      if (!isChannelName(head.name) || this.#mirrorOf(head.name) === undefined) continue
      this.#heads.set(head.name, head)
      this.#compare(head)
    }
    const open = new Set(news.preparations.map(({ id }) => id))
    for (const id of this.#ready) if (!open.has(id)) this.#ready.delete(id)
    for (const prepared of news.preparations) void this.#prepare(prepared)
  }

  /** Fetches only where the origin has other metadata than those that are served here. */
  #compare(head: RepeaterHead): void {
    const name = head.name as ChannelName
    const versions = this.#options.channels.find(name)?.record.versions
    const isSame =
      versions?.timestamp === head.timestampVersion &&
      versions.targets === head.targetsVersion &&
      versions.root === head.rootVersion
    if (isSame) this.mirrors.get(name)?.confirm()
    else void this.#sync(name)
  }

  /** However many ask while one is under way, one more follows. */
  #sync(name: ChannelName): Promise<void> {
    const running = this.#syncs.get(name)
    if (running !== undefined) {
      this.#syncsAgain.add(name)
      return running
    }
    const sync = this.#syncUntilCurrent(name).finally(() => this.#syncs.delete(name))
    this.#syncs.set(name, sync)
    return sync
  }

  async #syncUntilCurrent(name: ChannelName): Promise<void> {
    const mirror = this.mirrors.get(name)
    if (mirror === undefined) return
    const before = this.#options.channels.find(name)?.head.release
    do {
      this.#syncsAgain.delete(name)
      await this.#attempt(`mirror ${name}`, async () => {
        await mirror.sync()
        this.#noteReached()
      })
    } while (this.#syncsAgain.has(name) && !this.#options.context.signal.aborted)
    if (this.#options.channels.find(name)?.head.release !== before) this.#report()
  }

  async #prepare(prepared: PreparedRelease): Promise<void> {
    const { id, name } = prepared
    if (this.#preparing.has(id) || this.#ready.has(id) || !isChannelName(name)) return
    const mirror = this.#mirrorOf(name)
    if (mirror === undefined) return
    this.#preparing.add(id)
    try {
      await this.#attempt(`prepare release ${prepared.release} of ${name}`, async () => {
        await mirror.prepare(prepared)
        this.#ready.add(id)
        this.#report()
      })
    } finally {
      this.#preparing.delete(id)
    }
  }

  /** Without a token, or before the first answer to a poll, the public list says what there is. */
  async #discover(): Promise<void> {
    const { context, wanted } = this.#options
    if (wanted !== undefined || this.#isRegistered) return
    await this.#attempt('list the channels', async () => {
      const listed = await listChannels(context)
      this.#noteReached()
      for (const { name } of listed) if (isChannelName(name)) this.#mirrorOf(name)
    })
  }

  /** Sends the newest report; while one is under way the next one waits for it. */
  #report(): void {
    if (!this.#isRegistered) return
    this.#isReportDue = true
    if (this.#reporting !== undefined) return
    this.#reporting = this.#sendReports().finally(() => {
      this.#reporting = undefined
    })
  }

  async #sendReports(): Promise<void> {
    const { context, channels } = this.#options
    while (this.#isReportDue && !context.signal.aborted) {
      this.#isReportDue = false
      const served = channels.list().map(({ record, head }) => ({
        name: record.name,
        channel: record.channelId,
        release: head.release,
        manifest: head.manifestDigest,
      }))
      const url = this.#options.publicUrl()
      await this.#attempt('report to the origin', () =>
        reportToOrigin(context, { url, channels: served, ready: [...this.#ready] }),
      )
    }
  }

  #noteReached(): void {
    this.#reachedAtMs = this.#options.context.clock.now()
  }

  /** Whether the work went well; what failed is logged. */
  async #attempt(what: string, work: () => Promise<void>): Promise<boolean> {
    const { context, logger } = this.#options
    try {
      await work()
      return true
    } catch (error) {
      if (context.signal.aborted) return false
      const level = isLongwaveError(error) ? 'warn' : 'error'
      logger[level]({ err: error, origin: context.origin.url }, `could not ${what}`)
      return false
    }
  }
}
