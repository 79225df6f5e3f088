import type { Logger } from 'pino'
import type {
  ChannelName,
  Digest,
  Manifest,
  UpdateAnswer,
  UpdateRequest,
} from '../../protocol/index.ts'
import type { ChannelRecord, ReleaseRecord, StreamMark } from '../../store/server-records/index.ts'
import type { TransmitterContext } from '../context.ts'
import type { FeedbackLog } from '../feedback/index.ts'
import { type PluginTimes, pluginLimits as limits } from './limits.ts'
import type { CallMessage, PluginReturn } from './messages.ts'
import { type PluginHealth, PluginHost } from './plugin-host.ts'
import { type OwedEntry, PluginInbox } from './plugin-inbox.ts'
import type { PluginStore } from './plugin-store.ts'
import { RareWarnings } from './rare-warnings.ts'
import { signOverlay, signReply } from './signed-results.ts'

/** An update request on its way to a plug-in. */
export interface PluginQuestion {
  readonly channel: ChannelRecord
  readonly release: ReleaseRecord
  /** The release's manifest without its entries. */
  readonly attributes: Omit<Manifest, 'entries'>
  readonly request: UpdateRequest
  readonly tuner: Digest
  /** All entries that it is owed of this tuner, where that is known; else they are looked up. */
  readonly owed?: readonly OwedEntry[] | undefined
}

/** What a plug-in changes for a tuner; what is absent stays as it is there. */
export interface PluginOutcome {
  readonly reply?: UpdateAnswer['reply']
  readonly overlay?: UpdateAnswer['overlay']
}

interface Running {
  readonly version: string
  readonly host: PluginHost
}

interface Backoff {
  readonly failures: number
  readonly untilMs: number
}

/** The plug-ins of all channels: each in a process of its own, none in the way of another. */
export class Plugins {
  readonly #context: TransmitterContext
  readonly #log: FeedbackLog
  readonly #store: PluginStore
  readonly #logger: Logger
  readonly #times: PluginTimes
  readonly #inbox: PluginInbox
  readonly #warnings: RareWarnings
  readonly #running = new Map<ChannelName, Running>()
  readonly #leaving = new Set<Promise<void>>()
  /** Tuners whose feedback is with a plug-in right now. */
  readonly #busy = new Set<string>()
  /** Notes of what tuners' plug-ins have had that are being written. */
  readonly #marking = new Map<string, Promise<void>>()
  readonly #backoff = new Map<string, Backoff>()
  readonly #deliveries = new Map<ChannelName, Promise<void>>()
  readonly #timer: NodeJS.Timeout
  #isStopped = false

  constructor(options: {
    readonly context: TransmitterContext
    readonly log: FeedbackLog
    readonly store: PluginStore
  }) {
    this.#context = options.context
    this.#log = options.log
    this.#store = options.store
    this.#logger = options.context.server.logger
    this.#times = options.context.pluginTimes
    this.#inbox = new PluginInbox(options.context.records)
    this.#warnings = new RareWarnings(this.#logger, options.context.clock)
    this.#timer = setInterval(() => this.deliverOwed(), this.#times.redeliverEveryMs)
    this.#timer.unref()
  }

  /** How a channel's plug-in does; undefined while none was called. */
  health(channel: ChannelName): PluginHealth | undefined {
    return this.#running.get(channel)?.host.health()
  }

  /**
   * Asks the channel's plug-in about an update request. It never fails: an update goes on without
   * the plug-in when that is slow, broken, or not allowed, and the feedback stays owed to it.
   */
  async update(question: PluginQuestion): Promise<PluginOutcome> {
    const { channel, attributes, request } = question
    if (attributes.plugin?.module === undefined) {
      return {
        ...(request.replyHeld === undefined ? {} : { reply: null }),
        ...(request.overlayHeld === undefined ? {} : { overlay: null }),
      }
    }
    try {
      const host = await this.#hostOf(channel, attributes)
      if (host === undefined) return {}
      const returned = await withDeadline(this.#ask(host, question), this.#times.answerWaitMs)
      return returned === undefined ? {} : await this.#resultOf(question, host, returned)
    } catch (error) {
      this.#warnings.warn('an update went on without plug-in', {
        channel: channel.name,
        err: error,
      })
      return {}
    }
  }

  async #ask(host: PluginHost, question: PluginQuestion): Promise<PluginReturn> {
    const { channel, request, tuner, release } = question
    const key = busyKey(channel.name, tuner)
    this.#busy.add(key)
    try {
      // What was handed over a moment ago is not owed any more.
      await this.#marking.get(key)
      const records = await this.#owedNow(question)
      return await this.#call(host, channel.name, records, {
        tuner,
        release: request.release,
        head: release.release,
        zoneMinutes: request.zoneMinutes,
        isRedelivery: false,
      })
    } finally {
      this.#busy.delete(key)
    }
  }

  /**
   * The feedback that goes with a tuner's request. What made the plug-in fail again and again waits
   * for its next delivery: one tuner's entry must not keep the plug-in down for all.
   */
  async #owedNow({ channel, tuner, owed }: PluginQuestion): Promise<readonly OwedEntry[]> {
    const backoff = this.#backoff.get(busyKey(channel.name, tuner))
    const isResting =
      backoff !== undefined &&
      backoff.failures >= limits.failuresBeforeRest &&
      backoff.untilMs > this.#context.clock.now()
    if (isResting) return []
    return owed ?? this.#inbox.owed(channel.name, tuner)
  }

  /** Hands entries over and notes that, once the plug-in has returned. */
  async #call(
    host: PluginHost,
    channel: ChannelName,
    records: readonly OwedEntry[],
    facts: Omit<CallMessage, 'feedback'>,
  ): Promise<PluginReturn> {
    const handed = withinBytes(records)
    const key = busyKey(channel, facts.tuner as Digest)
    let returned: PluginReturn
    try {
      returned = await host.call({ ...facts, feedback: handed.map(messageOf) })
    } catch (error) {
      if (handed.length > 0) this.#rest(key)
      throw error
    }
    if (handed.length > 0) {
      this.#backoff.delete(key)
      this.#mark(channel, key, handed)
    }
    return returned
  }

  /** Notes what was handed over; no update waits for that. What is not noted is handed over again. */
  #mark(channel: ChannelName, key: string, handed: readonly OwedEntry[]): void {
    const marks = marksOf(handed).map((mark) => ({ channel, ...mark }))
    const marking = this.#log
      .setDelivered(marks)
      .catch((error: unknown) => {
        this.#warnings.warn('a delivery could not be noted', { channel, err: error })
      })
      .finally(() => {
        if (this.#marking.get(key) === marking) this.#marking.delete(key)
      })
    this.#marking.set(key, marking)
  }

  /** Feedback whose delivery failed is tried again later, each time later. */
  #rest(key: string): void {
    const failures = (this.#backoff.get(key)?.failures ?? 0) + 1
    const pauseMs = Math.min(
      limits.redeliverCapMs,
      this.#times.redeliverBaseMs * 2 ** (failures - 1),
    )
    this.#backoff.delete(key)
    this.#backoff.set(key, { failures, untilMs: this.#context.clock.now() + pauseMs })
    const oldest = this.#backoff.keys().next().value
    if (this.#backoff.size > limits.restingTunersMax && oldest !== undefined) {
      this.#backoff.delete(oldest)
    }
  }

  async #resultOf(
    question: PluginQuestion,
    host: PluginHost,
    returned: PluginReturn,
  ): Promise<PluginOutcome> {
    try {
      const reply = await signReply(this.#context, question, returned.reply)
      const overlay = await signOverlay(this.#context, question, returned.files)
      return {
        ...(reply === undefined ? {} : { reply }),
        ...(overlay === undefined ? {} : { overlay }),
      }
    } catch (error) {
      host.noteFailure(error)
      throw error
    }
  }

  /** The host of the version that the head names; an older one is let end. */
  async #hostOf(
    channel: ChannelRecord,
    attributes: Omit<Manifest, 'entries'>,
  ): Promise<PluginHost | undefined> {
    const module = attributes.plugin?.module
    if (module === undefined || this.#isStopped) return undefined
    const { name, channelId } = channel
    const { isAllowed, settings } = await this.#inbox.settings(name)
    if (!isAllowed) {
      this.#replace(name, undefined)
      return undefined
    }
    const version = JSON.stringify([module, settings])
    const present = this.#running.get(name)
    if (present?.version === version) return present.host
    if (!(await this.#store.has(module))) {
      this.#logger.error({ channel: name, module }, 'the module of a plug-in is not here')
      return undefined
    }
    const directory = await this.#store.dataDirectory(name)
    // Another request may have come here meanwhile.
    const other = this.#running.get(name)
    if (other?.version === version) return other.host
    const host = new PluginHost({
      start: {
        module: this.#store.modulePath(module),
        directory,
        channel: { name, id: channelId },
        settings,
      },
      logger: this.#logger,
      clock: this.#context.clock,
      times: this.#times,
    })
    this.#replace(name, { version, host })
    return host
  }

  #replace(name: ChannelName, next: Running | undefined): void {
    const before = this.#running.get(name)
    if (next === undefined) this.#running.delete(name)
    else this.#running.set(name, next)
    if (before === undefined) return
    const leaving = before.host.stop().finally(() => this.#leaving.delete(leaving))
    this.#leaving.add(leaving)
  }

  /** Hands over what is owed to the plug-ins of all channels, each channel by itself. */
  deliverOwed(): void {
    if (this.#isStopped) return
    for (const { record, attributes } of this.#context.catalogue.list()) {
      if (attributes.plugin?.module === undefined || this.#deliveries.has(record.name)) continue
      const delivery = this.#deliver(record, attributes)
        .catch((error: unknown) => {
          this.#logger.warn({ channel: record.name, err: error }, 'feedback could not be delivered')
        })
        .finally(() => this.#deliveries.delete(record.name))
      this.#deliveries.set(record.name, delivery)
    }
  }

  /** Waits for the deliveries that run. */
  async idle(): Promise<void> {
    await Promise.all(this.#deliveries.values())
    await this.marked()
  }

  /** Resolves when everything that plug-ins have had so far is noted. */
  async marked(): Promise<void> {
    await Promise.all(this.#marking.values())
  }

  async #deliver(channel: ChannelRecord, attributes: Omit<Manifest, 'entries'>): Promise<void> {
    const { name } = channel
    const owed = await this.#context.records.feedback.undelivered(name, {
      countMax: limits.entriesPerCallMax,
    })
    if (owed.length === 0) return
    const host = await this.#hostOf(channel, attributes)
    if (host === undefined) return
    const tuners = new Set(owed.map((record) => record.tuner))
    for (const tuner of tuners) {
      if (this.#isStopped || !host.isCallable) return
      await this.#deliverTo(host, channel, tuner)
    }
  }

  async #deliverTo(host: PluginHost, channel: ChannelRecord, tuner: Digest): Promise<void> {
    const key = busyKey(channel.name, tuner)
    const restsUntilMs = this.#backoff.get(key)?.untilMs ?? 0
    if (this.#busy.has(key) || restsUntilMs > this.#context.clock.now()) return
    this.#busy.add(key)
    try {
      await this.#marking.get(key)
      // An update request may have brought them there meanwhile.
      const records = await this.#inbox.owed(channel.name, tuner)
      if (records.length === 0) return
      await this.#call(host, channel.name, records, {
        tuner,
        release: 0,
        head: channel.headRelease,
        zoneMinutes: 0,
        isRedelivery: true,
      })
    } catch (error) {
      this.#warnings.warn('feedback stays owed', { channel: channel.name, err: error })
    } finally {
      this.#busy.delete(key)
    }
  }

  /** Ends all processes, each after the calls that run. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#timer)
    for (const name of [...this.#running.keys()]) this.#replace(name, undefined)
    await Promise.all(this.#leaving)
    await this.idle()
  }
}

function busyKey(channel: ChannelName, tuner: Digest): string {
  return `${channel}.${tuner}`
}

/** As many entries as one call carries, in order. */
function withinBytes(records: readonly OwedEntry[]): readonly OwedEntry[] {
  let bytes = 0
  const end = records.findIndex((record) => {
    bytes += record.data.byteLength
    return bytes > limits.entryBytesPerCallMax
  })
  return end === -1 ? records : records.slice(0, Math.max(1, end))
}

function messageOf(record: OwedEntry): CallMessage['feedback'][number] {
  return {
    epoch: record.epoch,
    sequence: record.sequence,
    at: new Date(record.appendedAtMs).toISOString(),
    received: new Date(record.receivedAtMs).toISOString(),
    type: record.type,
    data: Buffer.from(record.data).toString('base64'),
  }
}

/** How far each stream has come with these entries, which are in order. */
function marksOf(records: readonly OwedEntry[]): readonly StreamMark[] {
  const marks = new Map<string, StreamMark>()
  for (const { tuner, epoch, sequence } of records) {
    marks.set(`${tuner}.${epoch}`, { tuner, epoch, sequence })
  }
  return [...marks.values()]
}

/** The promise's value, or undefined when it takes too long; it goes on by itself then. */
async function withDeadline<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  promise.catch(() => undefined)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
