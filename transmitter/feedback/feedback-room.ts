import { type ChannelName, updateError } from '../../protocol/index.ts'
import type { FeedbackBatch, FeedbackBounds } from '../../store/server-records/index.ts'
import { feedbackLimits as limits } from './limits.ts'
import { RateWindow } from './rate-window.ts'

export interface FeedbackRoomOptions {
  readonly clock: { now(): number }
  /** Bytes that the log of one channel may take. */
  readonly channelBytesMax: number
  /** Bytes that are free where the logs lie, and those below which nothing is taken. */
  readonly freeBytes: () => Promise<number>
  readonly freeBytesMin: number
}

/**
 * How much feedback is taken: anybody can make a tuner's key, so that the bytes of a channel's log,
 * new streams, the bytes of one tuner and the room on the disk all have bounds.
 */
export class FeedbackRoom {
  readonly bounds: FeedbackBounds
  readonly #options: FeedbackRoomOptions
  readonly #streams: RateWindow
  readonly #tuners: RateWindow
  readonly #refusals = new Map<ChannelName, number>()
  readonly #full = new Set<ChannelName>()
  #free: { readonly bytes: number; readonly atMs: number } | undefined

  constructor(options: FeedbackRoomOptions) {
    const { clock, channelBytesMax: bytesMax } = options
    this.#options = options
    this.bounds = { bytesMax, newStreamBytesMax: bytesMax * limits.newStreamShare }
    this.#streams = new RateWindow({
      clock,
      windowMs: limits.newStreamWindowMs,
      amountMax: limits.newStreamsMax,
      keysMax: limits.channelsCounted,
    })
    this.#tuners = new RateWindow({
      clock,
      windowMs: limits.tunerWindowMs,
      amountMax: limits.tunerBytesMax,
      keysMax: limits.tunersCounted,
    })
  }

  /** @throws LW_UPDATE_BUSY, LW_FEEDBACK_FULL */
  async admit(batch: FeedbackBatch): Promise<void> {
    const { channel, tuner } = batch
    if ((await this.#freeBytes()) < this.#options.freeBytesMin) {
      throw this.refusal(channel, 'The disk is almost full.')
    }
    const isNew = batch.entries[0]?.sequence === 1
    if (isNew && !this.#streams.take(channel, 1)) {
      this.#count(channel)
      throw updateError('LW_UPDATE_BUSY', {
        detail: 'Too many tuners send their first feedback.',
        retryAfterSeconds: this.#streams.restSeconds + limits.fullRetrySecondsMin,
      })
    }
    if (!this.#tuners.take(`${channel}.${tuner}`, bytesOfBatch(batch))) {
      throw this.refusal(channel, 'This tuner has sent as much as it may for now.')
    }
  }

  /** The error for who finds no room; it is counted. */
  refusal(channel: ChannelName, detail: string): Error {
    this.#count(channel)
    return updateError('LW_FEEDBACK_FULL', { detail, retryAfterSeconds: limits.fullRetrySeconds })
  }

  /** Remembers whether the log of a channel had room just now. */
  note(channel: ChannelName, isFull: boolean): void {
    if (!isFull) this.#full.delete(channel)
    else if (this.#full.size < limits.channelsCounted) this.#full.add(channel)
  }

  /** Channels whose log refused entries when it was last asked for room. */
  get fullChannels(): number {
    return this.#full.size
  }

  /** Batches of a channel that were refused since the start. */
  refused(channel: ChannelName): number {
    return this.#refusals.get(channel) ?? 0
  }

  #count(channel: ChannelName): void {
    const refused = this.#refusals.get(channel)
    if (refused === undefined && this.#refusals.size >= limits.channelsCounted) return
    this.#refusals.set(channel, (refused ?? 0) + 1)
  }

  async #freeBytes(): Promise<number> {
    const nowMs = this.#options.clock.now()
    const known = this.#free
    if (known !== undefined && Math.abs(nowMs - known.atMs) < limits.freeBytesMemoryMs) {
      return known.bytes
    }
    const bytes = await this.#options.freeBytes()
    this.#free = { bytes, atMs: nowMs }
    return bytes
  }
}

/** What a batch counts against limits of bytes. */
export function bytesOfBatch({ entries }: FeedbackBatch): number {
  return entries.reduce((sum, { data }) => sum + data.byteLength, 256)
}
