import path from 'node:path'
import { type ChannelAddress, parseSchedule } from '../protocol/index.ts'
import {
  type DeviceRecords,
  openDeviceRecords,
  setDeviceRecordsAside,
} from '../store/device-records/index.ts'
import {
  acquireLock,
  ensureDirectory,
  type FileSystem,
  type FolderLock,
  inParallel,
  nodeFileSystem,
  nodeRandomness,
  type Randomness,
} from '../store/durable-files/index.ts'
import { isLongwaveError } from '../protocol/index.ts'
import { systemClock, type Transport, type TransportClock } from '../transport/index.ts'
import type { OperationOptions, TunerContext } from './context.ts'
import { History, type HistoryEntry } from './history/index.ts'
import {
  describeSubscription,
  type LaunchPlan,
  prepareLaunch,
  recoverSubscription,
  selectSubscriptions,
  setGrant,
  subscribe,
  type SubscribeOptions,
  type SubscriptionView,
  undo,
  type UndoResult,
  type UpdateOptions,
  type UpdateResult,
  updateSubscription,
  verify,
  type VerifyResult,
  whyText,
} from './operations/index.ts'
import { runSchedules, type SchedulerEvent } from './scheduler/index.ts'
import { type Subscription, SubscriptionStore } from './subscriptions/index.ts'
import { updateLimits } from './updates/index.ts'

export interface TunerOptions {
  /** Everything of this user's Longwave; the tuner keeps its part in `tuner/`. */
  readonly home: string
  readonly transport: Transport
  readonly fileSystem?: FileSystem
  readonly clock?: TransportClock
  readonly randomness?: Randomness
  /** IANA zone for schedules; the machine's when absent. */
  readonly zone?: string
  /** Generations that are kept of a channel, the current one included; 3 when absent. */
  readonly kept?: number
}

/** One subscription's outcome among several: a failure of one stops no other. */
export type UpdateOutcome =
  | { readonly ok: true; readonly result: UpdateResult }
  | { readonly ok: false; readonly subscription: Subscription; readonly error: unknown }

/** A tuner: keeps channels and folders current and exact. One runs in a home at a time. */
export class Tuner implements AsyncDisposable {
  readonly #options: TunerOptions
  #context: TunerContext | undefined
  #records: DeviceRecords | undefined
  #lock: FolderLock | undefined

  constructor(options: TunerOptions) {
    this.#options = options
  }

  /**
   * Takes the home for this process and finishes what a crash interrupted.
   * @throws LW_STORE_LOCKED when another tuner runs in this home
   */
  async start(): Promise<void> {
    const fs = this.#options.fileSystem ?? nodeFileSystem
    const clock = this.#options.clock ?? systemClock
    const directory = path.join(this.#options.home, 'tuner')
    await ensureDirectory(fs, directory, { mode: 0o755 })
    this.#lock = await acquireLock(fs, directory)
    try {
      this.#records = await openRecords(path.join(directory, 'records'))
      this.#context = {
        fs,
        home: this.#options.home,
        directory,
        transport: this.#options.transport,
        clock,
        randomness: this.#options.randomness ?? nodeRandomness,
        zone: this.#options.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
        subscriptions: new SubscriptionStore({ fs, directory }),
        history: new History(this.#records, clock),
        kept: this.#options.kept ?? 3,
      }
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  get context(): TunerContext {
    if (this.#context === undefined) throw new TypeError('the tuner was not started')
    return this.#context
  }

  async stop(): Promise<void> {
    await this.#records?.close()
    this.#records = undefined
    await this.#lock?.release()
    this.#lock = undefined
    this.#context = undefined
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** @throws LW_TUNER_NAME_TAKEN, LW_TUNER_FOLDER_REFUSED, LW_TUNER_FOLDER_NOT_EMPTY, LW_TRUST_… */
  subscribe(options: SubscribeOptions & { readonly address: ChannelAddress }): Promise<UpdateResult> {
    return subscribe(this.context, options)
  }

  /** Subscriptions that a word means, all without one. @throws LW_TUNER_NO_CHANNEL */
  select(word?: string): Promise<readonly Subscription[]> {
    return selectSubscriptions(this.context, word)
  }

  /** Updates several; one that fails stops no other. */
  async update(
    subscriptions: readonly Subscription[],
    options: UpdateOptions & { readonly onOutcome?: (outcome: UpdateOutcome) => void } = {},
  ): Promise<readonly UpdateOutcome[]> {
    const outcomes: UpdateOutcome[] = []
    await inParallel(subscriptions, updateLimits.concurrentChannels, async (subscription) => {
      const outcome = await this.#updateOne(subscription, options)
      outcomes.push(outcome)
      options.onOutcome?.(outcome)
    })
    return outcomes
  }

  async #updateOne(
    subscription: Subscription,
    options: UpdateOptions,
  ): Promise<UpdateOutcome> {
    try {
      return { ok: true, result: await updateSubscription(this.context, subscription, options) }
    } catch (error) {
      options.signal?.throwIfAborted()
      return { ok: false, subscription, error }
    }
  }

  verify(
    subscription: Subscription,
    options: OperationOptions & { readonly heal?: boolean } = {},
  ): Promise<VerifyResult> {
    return verify(this.context, subscription, options)
  }

  undo(subscription: Subscription, options: OperationOptions = {}): Promise<UndoResult> {
    return undo(this.context, subscription, options)
  }

  async describe(subscription: Subscription): Promise<SubscriptionView> {
    await recoverSubscription(this.context, subscription)
    return describeSubscription(this.context, subscription)
  }

  async why(subscription: Subscription): Promise<string> {
    return whyText(await this.describe(subscription), this.context.clock.now())
  }

  log(
    subscriptions: readonly Subscription[] | undefined,
    countMax: number,
  ): Promise<readonly HistoryEntry[]> {
    return this.context.history.list({
      ...(subscriptions === undefined
        ? {}
        : { subscriptions: new Set(subscriptions.map((one) => one.id)) }),
      countMax,
    })
  }

  async setPaused(subscription: Subscription, paused: boolean): Promise<void> {
    const { paused: _paused, ...rest } = subscription
    await this.context.subscriptions.save(paused ? { ...rest, paused } : rest)
    await this.context.history.add({
      subscription: subscription.id,
      event: paused ? 'paused' : 'resumed',
      text: paused ? 'Scheduled updates are paused.' : 'Scheduled updates go on.',
    })
  }

  /** Sets the user's schedule; undefined gives it back to the developer. @throws LW_FORMAT_SCHEDULE */
  async setSchedule(subscription: Subscription, schedule: string | undefined): Promise<void> {
    if (schedule !== undefined) parseSchedule(schedule)
    const { schedule: _schedule, ...rest } = subscription
    await this.context.subscriptions.save(schedule === undefined ? rest : { ...rest, schedule })
    await this.context.history.add({
      subscription: subscription.id,
      event: 'scheduled',
      text: `The schedule is now ${schedule ?? "the developer's"}.`,
    })
  }

  /** Runs scheduled updates until the signal. */
  run(options: {
    readonly signal: AbortSignal
    readonly onEvent?: (event: SchedulerEvent) => void
  }): Promise<void> {
    return runSchedules(this.context, options)
  }

  /** Verifies a channel and says how it is launched. @throws LW_TUNER_NOT_TRUSTED, LW_TUNER_DAMAGED */
  prepareLaunch(subscription: Subscription, options: OperationOptions = {}): Promise<LaunchPlan> {
    return prepareLaunch(this.context, subscription, options)
  }

  /** Grants a channel to run without a sandbox, or takes that back. */
  setGrant(subscription: Subscription, granted: boolean): Promise<void> {
    return setGrant(this.context, subscription, granted)
  }

  /** Ends a subscription. The files of a synchronized folder stay; a copy of the tuner's goes. */
  async unsubscribe(
    subscription: Subscription,
    options: { readonly keepData: boolean },
  ): Promise<void> {
    await recoverSubscription(this.context, subscription)
    await this.context.subscriptions.remove(subscription.id, options)
    await this.context.history.add({
      subscription: subscription.id,
      event: 'unsubscribed',
      text: `Unsubscribed from ${subscription.url}.`,
    })
    await this.context.history.forget(subscription.id)
  }
}

/** Records are rebuilt from the disk when they are damaged: nothing in them is an authority. */
async function openRecords(directory: string): Promise<DeviceRecords> {
  try {
    return await openDeviceRecords({ directory })
  } catch (error) {
    if (!isLongwaveError(error, 'LW_STORE_RECORDS_DAMAGED')) throw error
    await setDeviceRecordsAside({ directory })
    return openDeviceRecords({ directory })
  }
}
