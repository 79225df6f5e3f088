import { limits as formatLimits, updateError } from '../../protocol/index.ts'
import {
  type DeviceRecords,
  numberKey,
  type RecordChange,
  type RecordSpace,
} from '../../store/device-records/index.ts'
import type { Randomness } from '../../store/durable-files/index.ts'
import { GroupCommit } from '../../store/group-commit/index.ts'
import {
  createTunerIdentity,
  encodeTunerIdentity,
  parseTunerIdentity,
  type TunerIdentity,
} from '../../trust/index.ts'
import { feedbackLimits as limits } from './limits.ts'

/** What a channel appends. */
export interface NewFeedback {
  readonly data: Uint8Array
  /** Media type. */
  readonly type: string
  /** When the channel appended it, when that was not now. */
  readonly at?: string
}

/** An entry in the queue. */
export interface QueuedFeedback {
  readonly sequence: number
  readonly nonce: string
  readonly at: string
  readonly type: string
  /** Base64. */
  readonly data: string
}

/** The oldest entries of a queue, as a request carries them. */
export interface PendingFeedback {
  readonly epoch: string
  readonly entries: readonly QueuedFeedback[]
  /** Whether more are waiting behind these. */
  readonly hasMore: boolean
}

/** Who this tuner is to a channel, and how far its feedback has come: replaced as a whole. */
interface Stream {
  /** PKCS#8 PEM. */
  readonly key: string
  /** Random for each state: two that alternate are copies of one disk. */
  readonly epoch: string
  readonly nextSequence: number
  readonly entries: number
  readonly bytes: number
}

interface Append {
  readonly subscription: string
  readonly feedback: NewFeedback
}

/**
 * Feedback that waits for the next update request: durable, in order, bounded, and gone only when
 * the origin has acknowledged it. With it lies the key that names this tuner to the channel.
 */
export class FeedbackQueue {
  readonly #records: DeviceRecords
  readonly #streams: RecordSpace<Stream>
  readonly #entries: RecordSpace<QueuedFeedback>
  readonly #absorbed: RecordSpace<true>
  readonly #clock: { now(): number }
  readonly #randomness: Randomness
  readonly #appends: GroupCommit<Append, undefined | Error>
  /** Changes of streams run one after the other. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: {
    readonly records: DeviceRecords
    readonly clock: { now(): number }
    readonly randomness: Randomness
  }) {
    this.#records = options.records
    this.#streams = options.records.space<Stream>('feedback-streams')
    this.#entries = options.records.space<QueuedFeedback>('feedback')
    this.#absorbed = options.records.space<true>('feedback-absorbed')
    this.#clock = options.clock
    this.#randomness = options.randomness
    this.#appends = new GroupCommit({
      commit: (appends) => this.#exclusively(() => this.#append(appends)),
      bytesOf: ({ feedback }) => feedback.data.byteLength + 128,
      itemsPerCommitMax: limits.entriesPerCommitMax,
      bytesPerCommitMax: limits.bytesPerCommitMax,
      itemsWaitingMax: limits.entriesMax,
      bytesWaitingMax: limits.bytesMax,
      full: () => updateError('LW_FEEDBACK_FULL'),
    })
  }

  /**
   * Adds an entry, durable when it returns.
   * @throws LW_FEEDBACK_FULL, LW_FEEDBACK_TOO_LARGE
   */
  async append(subscription: string, feedback: NewFeedback): Promise<void> {
    requireFit(feedback)
    const refusal = await this.#appends.add({ subscription, feedback })
    if (refusal !== undefined) throw refusal
  }

  /**
   * Takes over entries that were kept elsewhere under names, all of them or none, each once: the
   * names are remembered in the same write, until `forgetAbsorbed`.
   * @throws LW_FEEDBACK_FULL, LW_FEEDBACK_TOO_LARGE
   */
  async absorb(
    subscription: string,
    all: readonly { readonly name: string; readonly feedback: NewFeedback }[],
  ): Promise<void> {
    for (const { feedback } of all) requireFit(feedback)
    await this.#exclusively(async () => {
      const fresh: (typeof all)[number][] = []
      for (const one of all) {
        if ((await this.#absorbed.get(`${subscription}!${one.name}`)) !== true) fresh.push(one)
      }
      if (fresh.length === 0) return
      const stream = await this.#open(subscription)
      const bytes = fresh.reduce((sum, { feedback }) => sum + feedback.data.byteLength, 0)
      if (!hasRoom(stream, fresh.length, bytes)) throw full(stream)
      const names = fresh.map(({ name }) => this.#absorbed.putting(`${subscription}!${name}`, true))
      const entries = fresh.map(({ feedback }) => feedback)
      await this.#write(subscription, stream, entries, names)
    })
  }

  /** The entries under these names are gone where they were kept. */
  async forgetAbsorbed(subscription: string, names: readonly string[]): Promise<void> {
    const changes = names.map((name) => this.#absorbed.deleting(`${subscription}!${name}`))
    await this.#records.batch(changes, { sync: false })
  }

  /** Who this tuner is to the channel; made when it is asked for the first time. */
  async identity(subscription: string): Promise<TunerIdentity> {
    return this.#exclusively(async () => {
      const known = await this.#streams.get(subscription)
      if (known !== undefined) return parseTunerIdentity(known.key)
      const stream = this.#newStream()
      await this.#streams.put(subscription, stream)
      return parseTunerIdentity(stream.key)
    })
  }

  async counts(
    subscription: string,
  ): Promise<{ readonly entries: number; readonly bytes: number }> {
    const stream = await this.#streams.get(subscription)
    return { entries: stream?.entries ?? 0, bytes: stream?.bytes ?? 0 }
  }

  /** What the next request carries; undefined when nothing waits. */
  async pending(subscription: string): Promise<PendingFeedback | undefined> {
    const stream = await this.#streams.get(subscription)
    if (stream === undefined || stream.entries === 0) return undefined
    const entries: QueuedFeedback[] = []
    let bytes = 0
    const range = { prefix: `${subscription}!`, countMax: limits.entriesPerRequestMax }
    for await (const { value } of this.#entries.iterate(range)) {
      bytes += (value.data.length / 4) * 3
      if (entries.length > 0 && bytes > formatLimits.feedbackRequestBytesMax) break
      entries.push(value)
    }
    return { epoch: stream.epoch, entries, hasMore: entries.length < stream.entries }
  }

  /** Deletes what the origin has durably. */
  async acknowledge(
    subscription: string,
    acknowledged: { readonly epoch: string; readonly sequence: number },
  ): Promise<void> {
    await this.#exclusively(async () => {
      const stream = await this.#streams.get(subscription)
      if (stream === undefined || stream.epoch !== acknowledged.epoch) return
      const { changes, entries, bytes } = await this.#deleting(subscription, acknowledged.sequence)
      if (entries === 0) return
      const next = {
        ...stream,
        entries: stream.entries - entries,
        bytes: stream.bytes - bytes,
      }
      await this.#records.batch([...changes, this.#streams.putting(subscription, next)])
    })
  }

  /**
   * Begins a new epoch, after the origin found a gap or another copy of this state. Entries up to
   * `sequence` are in its log; the others get new numbers. One write: a crash leaves the old state
   * or the new one.
   * @param renewal.isNewTuner a new key as well: another copy goes on with the old one
   */
  async renew(
    subscription: string,
    renewal: {
      readonly epoch: string
      readonly sequence: number
      readonly isNewTuner: boolean
    },
  ): Promise<void> {
    await this.#exclusively(async () => {
      const stream = await this.#streams.get(subscription)
      if (stream === undefined || stream.epoch !== renewal.epoch) return
      const fresh = this.#newStream()
      const changes: RecordChange[] = []
      const kept: QueuedFeedback[] = []
      for await (const { key, value } of this.#entries.iterate({ prefix: `${subscription}!` })) {
        changes.push(this.#entries.deleting(key))
        if (value.sequence > renewal.sequence) kept.push(value)
      }
      let bytes = 0
      for (const [at, entry] of kept.entries()) {
        const sequence = at + 1
        bytes += Buffer.byteLength(entry.data, 'base64')
        changes.push(this.#entries.putting(keyOf(subscription, sequence), { ...entry, sequence }))
      }
      const next: Stream = {
        key: renewal.isNewTuner ? fresh.key : stream.key,
        epoch: fresh.epoch,
        nextSequence: kept.length + 1,
        entries: kept.length,
        bytes,
      }
      await this.#records.batch([...changes, this.#streams.putting(subscription, next)])
    })
  }

  /** Drops a subscription's queue and key. @returns how many entries were never acknowledged */
  async forget(subscription: string): Promise<number> {
    return this.#exclusively(async () => {
      const { changes, entries } = await this.#deleting(subscription, Number.MAX_SAFE_INTEGER)
      await this.#records.batch([...changes, this.#streams.deleting(subscription)])
      return entries
    })
  }

  async #append(appends: readonly Append[]): Promise<readonly (undefined | Error)[]> {
    const streams = new Map<string, Stream>()
    const taken = new Map<string, NewFeedback[]>()
    const refusals: (undefined | Error)[] = []
    for (const { subscription, feedback } of appends) {
      const stream = streams.get(subscription) ?? (await this.#open(subscription))
      streams.set(subscription, stream)
      const list = taken.get(subscription) ?? []
      taken.set(subscription, list)
      const waiting = list.reduce((sum, { data }) => sum + data.byteLength, 0)
      const fits = hasRoom(stream, list.length + 1, waiting + feedback.data.byteLength)
      if (fits) list.push(feedback)
      refusals.push(fits ? undefined : full(stream))
    }
    for (const [subscription, list] of taken) {
      const stream = streams.get(subscription)
      if (stream !== undefined && list.length > 0) await this.#write(subscription, stream, list)
    }
    return refusals
  }

  async #write(
    subscription: string,
    stream: Stream,
    all: readonly NewFeedback[],
    besides: readonly RecordChange[] = [],
  ): Promise<void> {
    const changes: RecordChange[] = [...besides]
    let { nextSequence, entries, bytes } = stream
    for (const { data, type, at } of all) {
      const entry: QueuedFeedback = {
        sequence: nextSequence,
        nonce: this.#hex(8),
        at: at ?? new Date(this.#clock.now()).toISOString(),
        type,
        data: Buffer.from(data).toString('base64'),
      }
      changes.push(this.#entries.putting(keyOf(subscription, nextSequence), entry))
      nextSequence += 1
      entries += 1
      bytes += data.byteLength
    }
    const next: Stream = { ...stream, nextSequence, entries, bytes }
    await this.#records.batch([...changes, this.#streams.putting(subscription, next)])
  }

  async #open(subscription: string): Promise<Stream> {
    return (await this.#streams.get(subscription)) ?? this.#newStream()
  }

  #newStream(): Stream {
    return {
      key: encodeTunerIdentity(createTunerIdentity()),
      epoch: this.#hex(16),
      nextSequence: 1,
      entries: 0,
      bytes: 0,
    }
  }

  async #deleting(
    subscription: string,
    sequence: number,
  ): Promise<{
    readonly changes: RecordChange[]
    readonly entries: number
    readonly bytes: number
  }> {
    const changes: RecordChange[] = []
    let bytes = 0
    for await (const { key, value } of this.#entries.iterate({ prefix: `${subscription}!` })) {
      if (value.sequence > sequence) break
      changes.push(this.#entries.deleting(key))
      bytes += Buffer.byteLength(value.data, 'base64')
    }
    return { changes, entries: changes.length, bytes }
  }

  #hex(count: number): string {
    return Buffer.from(this.#randomness.bytes(count)).toString('hex')
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined)
    return done
  }
}

function keyOf(subscription: string, sequence: number): string {
  return `${subscription}!${numberKey(sequence)}`
}

function hasRoom(stream: Stream, entries: number, bytes: number): boolean {
  return stream.entries + entries <= limits.entriesMax && stream.bytes + bytes <= limits.bytesMax
}

function full(stream: Stream): Error {
  return updateError('LW_FEEDBACK_FULL', {
    detail: `${stream.entries} entries of ${stream.bytes} bytes wait for the next update.`,
    next: 'longwave update delivers them.',
  })
}

/** @throws LW_FEEDBACK_TOO_LARGE */
function requireFit(feedback: NewFeedback): void {
  if (feedback.data.byteLength > formatLimits.feedbackEntryBytesMax) {
    throw updateError('LW_FEEDBACK_TOO_LARGE', {
      detail: `It has ${feedback.data.byteLength} bytes; an entry takes ${formatLimits.feedbackEntryBytesMax}.`,
    })
  }
  if (!/^[ -~]{1,128}$/.test(feedback.type)) {
    throw updateError('LW_FEEDBACK_TOO_LARGE', { detail: 'Its media type is none.' })
  }
}
