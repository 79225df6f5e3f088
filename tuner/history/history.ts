import {
  type DeviceRecords,
  numberKey,
  type RecordSpace,
} from '../../store/device-records/index.ts'
import type { SubscriptionStatus } from '../subscriptions/index.ts'

/** Something that happened to a subscription. */
export interface HistoryEntry {
  /** RFC 3339 with milliseconds. */
  readonly at: string
  readonly subscription: string
  readonly event:
    | 'subscribed'
    | 'updated'
    | 'healed'
    | 'undone'
    | 'failed'
    | 'recovered'
    | 'ended'
    | 'paused'
    | 'resumed'
    | 'scheduled'
    | 'trusted'
    | 'distrusted'
    | 'unsubscribed'
  /** A sentence for the reader. */
  readonly text: string
  readonly members?: Readonly<Record<string, unknown>>
}

/** Entries that are kept of all subscriptions together. */
const entriesMax = 10_000

/** What happened, and how each subscription stands: in the tuner's records. */
export class History {
  readonly #entries: RecordSpace<HistoryEntry>
  readonly #statuses: RecordSpace<SubscriptionStatus>
  readonly #records: DeviceRecords
  readonly #clock: { now(): number }
  /** The number of the next entry; one look decides for all who add at the same time. */
  #next: Promise<{ value: number }> | undefined

  constructor(records: DeviceRecords, clock: { now(): number }) {
    this.#records = records
    this.#entries = records.space<HistoryEntry>('history')
    this.#statuses = records.space<SubscriptionStatus>('status')
    this.#clock = clock
  }

  async add(entry: Omit<HistoryEntry, 'at'>): Promise<void> {
    this.#next ??= this.#afterLast()
    const next = await this.#next
    const number = next.value++
    const at = new Date(this.#clock.now()).toISOString()
    const changes = [this.#entries.putting(numberKey(number), { at, ...entry })]
    if (number >= entriesMax) changes.push(this.#entries.deleting(numberKey(number - entriesMax)))
    // History survives the end of the process; of a power cut it may lose the last entries.
    await this.#records.batch(changes, { sync: false })
  }

  async #afterLast(): Promise<{ value: number }> {
    for await (const { key } of this.#entries.iterate({ isReversed: true, countMax: 1 })) {
      return { value: Number(key) + 1 }
    }
    return { value: 0 }
  }

  /** Newest first. */
  async list(options: {
    readonly subscriptions?: ReadonlySet<string>
    readonly countMax: number
  }): Promise<readonly HistoryEntry[]> {
    const found: HistoryEntry[] = []
    if (options.countMax <= 0) return found
    for await (const { value } of this.#entries.iterate({ isReversed: true })) {
      if (options.subscriptions?.has(value.subscription) === false) continue
      found.push(value)
      if (found.length >= options.countMax) break
    }
    return found
  }

  async status(subscription: string): Promise<SubscriptionStatus> {
    return (await this.#statuses.get(subscription)) ?? {}
  }

  /** Status is rebuilt by the next poll: it need not survive a power cut. */
  async setStatus(subscription: string, status: SubscriptionStatus): Promise<void> {
    await this.#statuses.put(subscription, status, { sync: false })
  }

  async forget(subscription: string): Promise<void> {
    await this.#statuses.delete(subscription, { sync: false })
  }
}
