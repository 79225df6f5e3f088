import {
  canonicalJson,
  digestOf,
  type Json,
  type PreparedRelease,
  type RepeaterHead,
  type RepeaterNews,
} from '../../protocol/index.ts'
import type { TransmitterContext } from '../context.ts'
import { repeaterOriginLimits as limits } from './limits.ts'

/** Decides which channels a repeater's token opens. */
export type ChannelGrant = (channel: string) => boolean

/** What repeaters are told: made once for all who wait, and again when something changed. */
export class RepeaterNewsDesk {
  readonly #context: TransmitterContext
  readonly #waiting = new Set<() => void>()
  #isStopped = false
  #all: { readonly atMs: number; readonly news: Promise<Omit<RepeaterNews, 'cursor'>> } | undefined

  constructor(context: TransmitterContext) {
    this.#context = context
  }

  /** Ends all waiting. */
  stop(): void {
    this.#isStopped = true
    this.wake()
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  /** Polls that are held now. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Something changed in this process: who waits looks again at once. */
  wake(): void {
    this.#all = undefined
    for (const look of this.#waiting) look()
  }

  async news(grant: ChannelGrant): Promise<RepeaterNews> {
    const nowMs = this.#context.clock.now()
    if (this.#all === undefined || nowMs - this.#all.atMs >= limits.memoryMs) {
      this.#all = { atMs: nowMs, news: this.#make() }
    }
    const all = await this.#all.news
    const heads = all.heads.filter(({ name }) => grant(name))
    const preparations = all.preparations.filter(({ name }) => grant(name))
    const content = { heads, preparations: preparations.map(({ id }) => id) }
    const cursor = digestOf(canonicalJson(content as unknown as Json)).slice(0, 32)
    return { cursor, heads, preparations }
  }

  /**
   * Resolves with news whose cursor differs, or undefined when the time is over or the signal was
   * aborted. Changes that other processes made are noticed within a second.
   */
  async wait(
    grant: ChannelGrant,
    since: string | undefined,
    how: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<RepeaterNews | undefined> {
    const endMs = performance.now() + how.timeoutMs
    for (;;) {
      const news = await this.news(grant)
      if (news.cursor !== since) return news
      const restMs = endMs - performance.now()
      if (restMs <= 0 || how.signal.aborted || this.#isStopped) return undefined
      await this.pause(Math.min(restMs, limits.memoryMs), how.signal)
    }
  }

  /** Waits for so long, for the next change here, or for the signal. */
  pause(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(look)
        signal?.removeEventListener('abort', look)
        resolve()
      }
      const timer = setTimeout(look, ms)
      this.#waiting.add(look)
      signal?.addEventListener('abort', look, { once: true })
    })
  }

  async #make(): Promise<Omit<RepeaterNews, 'cursor'>> {
    const { catalogue, records, clock } = this.#context
    const heads = catalogue.list().map(
      ({ record, head }): RepeaterHead => ({
        name: record.name,
        channel: record.channelId,
        release: head.release,
        targetsVersion: record.versions.targets,
        rootVersion: record.versions.root,
        timestampVersion: record.versions.timestamp,
      }),
    )
    const prepared = await records.repeaters.preparations(clock.now())
    const preparations = prepared.map(
      ({ id, channel, release, roots, targets }): PreparedRelease => ({
        id,
        name: channel,
        release,
        roots: [...roots],
        targets,
      }),
    )
    return { heads, preparations }
  }
}
