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
  readonly #clock: { now(): number }
  #next: number | undefined

  constructor(records: DeviceRecords, clock: { now(): number }) {
    this.#entries = records.space<HistoryEntry>('history')
    this.#statuses = records.space<SubscriptionStatus>('status')
    this.#clock = clock
  }

  async add(entry: Omit<HistoryEntry, 'at'>): Promise<void> {
    this.#next ??= await this.#afterLast()
    const number = this.#next++
    const at = new Date(this.#clock.now()).toISOString()
    await this.#entries.put(numberKey(number), { at, ...entry }, { sync: false })
    if (number >= entriesMax) await this.#entries.delete(numberKey(number - entriesMax), { sync: false })
  }

  async #afterLast(): Promise<number> {
    for await (const { key } of this.#entries.iterate({ isReversed: true, countMax: 1 })) {
      return Number(key) + 1
    }
    return 0
  }

  /** Newest first. */
  async list(options: {
    readonly subscriptions?: ReadonlySet<string>
    readonly countMax: number
  }): Promise<readonly HistoryEntry[]> {
    const found: HistoryEntry[] = []
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
    await this.#statuses.delete(subscription)
  }
}
