import path from 'node:path'
import { isLongwaveError, parseSchedule } from '../protocol/index.ts'
import {
  type DeviceRecords,
  openDeviceRecords,
  setDeviceRecordsAside,
} from '../store/device-records/index.ts'
import {
  acquireLock,
  ensureDirectory,
  fileFailure,
  type FileSystem,
  type FolderLock,
  inParallel,
  nodeFileSystem,
  nodeRandomness,
  type Randomness,
} from '../store/durable-files/index.ts'
import { systemClock, type Transport, type TransportClock } from '../transport/index.ts'
import type { OperationOptions, TunerContext } from './context.ts'
import { BackChannel, ChannelAccesses } from './backchannel/index.ts'
import { ControlServer } from './control/index.ts'
import { FeedbackQueue, type NewFeedback } from './feedback/index.ts'
import { History, type HistoryEntry } from './history/index.ts'
import {
  describeSubscription,
  inTurn,
  type LaunchPlan,
  prepareLaunch,
  removeDamaged,
  requireOverride,
  selectSubscriptions,
  setGrant,
  subscribe,
  type SubscribeOptions,
  type SubscriptionView,
  tidyHome,
  undo,
  type UndoResult,
  unsubscribe,
  type UpdateOptions,
  type UpdateResult,
  updateSubscription,
  verify,
  type VerifyOptions,
  type VerifyResult,
  whyText,
} from './operations/index.ts'
import { LiveUsers } from './live-users/index.ts'
import { loadPolicy } from './policy/index.ts'
import { Scheduler, type SchedulerOptions } from './scheduler/index.ts'
import {
  type DamagedSubscription,
  type Subscription,
  SubscriptionStore,
} from './subscriptions/index.ts'
import { loadTunerId } from './tuner-id.ts'
import type { TunerOperations, UpdateOutcome, UpdateSeveralOptions } from './tuner-operations.ts'
import { Turns } from './turns.ts'
import { RequestMemory } from './update-requests/index.ts'
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

/** A tuner: keeps channels and folders current and exact. One runs in a home at a time. */
export class Tuner implements TunerOperations {
  readonly #options: TunerOptions
  #context: TunerContext | undefined
  #records: DeviceRecords | undefined
  #lock: FolderLock | undefined
  #scheduler: Scheduler | undefined

  constructor(options: TunerOptions) {
    this.#options = options
  }

  /**
   * Takes the home for this process.
   * @throws LW_STORE_LOCKED when another tuner runs in this home
   */
  async start(): Promise<void> {
    const fs = this.#options.fileSystem ?? nodeFileSystem
    const clock = this.#options.clock ?? systemClock
    const randomness = this.#options.randomness ?? nodeRandomness
    const directory = path.join(this.#options.home, 'tuner')
    try {
      await ensureDirectory(fs, directory, { mode: 0o755 })
      this.#lock = await acquireLock(fs, directory)
      await tidyHome({ fs, directory, clock })
      this.#records = await openRecords(path.join(directory, 'records'))
      this.#context = {
        fs,
        home: this.#options.home,
        directory,
        tunerId: await loadTunerId(fs, directory, randomness),
        transport: this.#options.transport,
        clock,
        randomness,
        zone: this.#options.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
        subscriptions: new SubscriptionStore({ fs, directory }),
        history: new History(this.#records, clock),
        feedback: new FeedbackQueue({ records: this.#records, clock, randomness }),
        requests: new RequestMemory(this.#records),
        liveUsers: new LiveUsers(),
        accesses: new ChannelAccesses({ fs, directory, records: this.#records, randomness }),
        kept: this.#options.kept ?? 3,
        turns: new Turns(),
        recovered: new Set(),
      }
    } catch (error) {
      await this.stop()
      throw fileFailure(error, `${directory} was being opened`)
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

  async subscribe(options: SubscribeOptions): Promise<UpdateResult> {
    const result = await subscribe(this.context, options)
    this.#scheduler?.nudge()
    return result
  }

  select(word?: string): Promise<readonly Subscription[]> {
    return selectSubscriptions(this.context, word)
  }

  damaged(): Promise<readonly DamagedSubscription[]> {
    return this.context.subscriptions.damaged()
  }

  async removeDamaged(
    word: string,
    options: { readonly keepData: boolean },
  ): Promise<string | undefined> {
    const id = await removeDamaged(this.context, word, options)
    this.#scheduler?.nudge()
    return id
  }

  async update(
    subscriptions: readonly Subscription[],
    options: UpdateSeveralOptions = {},
  ): Promise<readonly UpdateOutcome[]> {
    const outcomes: UpdateOutcome[] = []
    await inParallel(subscriptions, updateLimits.concurrentChannels, async (subscription) => {
      const outcome = await this.#updateOne(subscription, options)
      outcomes.push(outcome)
      options.onOutcome?.(outcome)
    })
    this.#scheduler?.nudge()
    return outcomes
  }

  async #updateOne(subscription: Subscription, options: UpdateOptions): Promise<UpdateOutcome> {
    try {
      return { ok: true, result: await updateSubscription(this.context, subscription, options) }
    } catch (error) {
      options.signal?.throwIfAborted()
      return { ok: false, subscription, error }
    }
  }

  verify(subscription: Subscription, options: VerifyOptions = {}): Promise<VerifyResult> {
    return verify(this.context, subscription, options)
  }

  undo(subscription: Subscription, options: OperationOptions = {}): Promise<UndoResult> {
    return undo(this.context, subscription, options)
  }

  /** Tells how things stand; while something is under way, as they were before it. */
  async describe(subscription: Subscription): Promise<SubscriptionView> {
    const { context } = this
    const policy = await loadPolicy(context.fs, context.directory)
    const describe = (latest: Subscription) => describeSubscription(context, latest, policy)
    if (context.turns.isBusy(subscription.id)) {
      return describe((await context.subscriptions.find(subscription.id)) ?? subscription)
    }
    // What a crash left is finished first.
    const latest = await inTurn(context, subscription, async (one) => one)
    return describe(latest)
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
    await this.#change(subscription, {
      apply: ({ paused: _paused, ...rest }) => (paused ? { ...rest, paused } : rest),
      event: paused ? 'paused' : 'resumed',
      text: paused ? 'Scheduled updates are paused.' : 'Scheduled updates go on.',
    })
  }

  async setSchedule(subscription: Subscription, schedule: string | undefined): Promise<void> {
    if (schedule !== undefined) {
      parseSchedule(schedule)
      await requireOverride(this.context, subscription)
    }
    await this.#change(subscription, {
      apply: ({ schedule: _schedule, ...rest }) =>
        schedule === undefined ? rest : { ...rest, schedule },
      event: 'scheduled',
      text: `The schedule is now ${schedule ?? "the developer's"}.`,
    })
  }

  async #change(
    subscription: Subscription,
    change: {
      readonly apply: (latest: Subscription) => Subscription
      readonly event: HistoryEntry['event']
      readonly text: string
    },
  ): Promise<void> {
    const { context } = this
    await context.turns.take(subscription.id, async () => {
      const latest = (await context.subscriptions.find(subscription.id)) ?? subscription
      await context.subscriptions.save(change.apply(latest))
      const { event, text } = change
      await context.history.add({ subscription: subscription.id, event, text })
    })
    this.#scheduler?.nudge()
  }

  async appendFeedback(
    subscription: Subscription,
    feedback: NewFeedback,
  ): Promise<{ readonly entries: number; readonly bytes: number }> {
    await this.context.feedback.append(subscription.id, feedback)
    return this.context.feedback.counts(subscription.id)
  }

  async unsubscribe(
    subscription: Subscription,
    options: { readonly keepData: boolean },
  ): Promise<void> {
    await unsubscribe(this.context, subscription, options)
    this.#scheduler?.nudge()
  }

  prepareLaunch(subscription: Subscription, options: OperationOptions = {}): Promise<LaunchPlan> {
    return prepareLaunch(this.context, subscription, options)
  }

  setGrant(subscription: Subscription, granted: boolean): Promise<void> {
    return setGrant(this.context, subscription, granted)
  }

  /** Runs scheduled updates until the signal, and answers commands through the local socket. */
  async run(options: SchedulerOptions): Promise<void> {
    const scheduler = new Scheduler(this.context, options)
    const control = new ControlServer({ tuner: this, directory: this.context.directory })
    const backChannel = new BackChannel(this.context)
    await control.start()
    this.#scheduler = scheduler
    try {
      await backChannel.start()
      options.onStarted?.()
      await scheduler.run()
    } finally {
      this.#scheduler = undefined
      await backChannel.stop()
      await control.stop()
    }
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
