import type { ChannelAddress } from '../protocol/index.ts'
import type { OperationOptions } from './context.ts'
import type { NewFeedback } from './feedback/index.ts'
import type { HistoryEntry } from './history/index.ts'
import type {
  LaunchPlan,
  SubscribeOptions,
  SubscriptionView,
  UndoResult,
  UpdateOptions,
  UpdateResult,
  VerifyOptions,
  VerifyResult,
} from './operations/index.ts'
import type { SchedulerOptions } from './scheduler/index.ts'
import type { DamagedSubscription, Subscription } from './subscriptions/index.ts'

/** One subscription's outcome among several: a failure of one stops no other. */
export type UpdateOutcome =
  | { readonly ok: true; readonly result: UpdateResult }
  | { readonly ok: false; readonly subscription: Subscription; readonly error: unknown }

export interface UpdateSeveralOptions extends UpdateOptions {
  readonly onOutcome?: (outcome: UpdateOutcome) => void
}

/** What can be done with a tuner, in this process or through the one that owns the home. */
export interface TunerOperations extends AsyncDisposable {
  /** @throws LW_TUNER_NAME_TAKEN, LW_TUNER_FOLDER_REFUSED, LW_TUNER_FOLDER_NOT_EMPTY, LW_TRUST_… */
  subscribe(options: SubscribeOptions & { readonly address: ChannelAddress }): Promise<UpdateResult>
  /**
   * Subscriptions that a word means, without one all that can be read.
   * @throws LW_TUNER_NO_CHANNEL, LW_TUNER_STATE_DAMAGED when the one that it means cannot be read
   */
  select(word?: string): Promise<readonly Subscription[]>
  /** Subscriptions whose records cannot be read; they are in no other list. */
  damaged(): Promise<readonly DamagedSubscription[]>
  /**
   * Removes the state of a damaged subscription by its name, id or folder; files of a synchronized
   * folder stay.
   * @returns its id; undefined when the word means no damaged one
   */
  removeDamaged(word: string, options: { readonly keepData: boolean }): Promise<string | undefined>
  /** Updates several; one that fails stops no other. */
  update(
    subscriptions: readonly Subscription[],
    options?: UpdateSeveralOptions,
  ): Promise<readonly UpdateOutcome[]>
  verify(subscription: Subscription, options?: VerifyOptions): Promise<VerifyResult>
  undo(subscription: Subscription, options?: OperationOptions): Promise<UndoResult>
  describe(subscription: Subscription): Promise<SubscriptionView>
  /** One line: why it is where it is, and what happens next. */
  why(subscription: Subscription): Promise<string>
  /** Newest first. */
  log(
    subscriptions: readonly Subscription[] | undefined,
    countMax: number,
  ): Promise<readonly HistoryEntry[]>
  setPaused(subscription: Subscription, paused: boolean): Promise<void>
  /**
   * Sets the user's schedule; undefined gives it back to the developer.
   * @throws LW_FORMAT_SCHEDULE, LW_TUNER_POLICY
   */
  setSchedule(subscription: Subscription, schedule: string | undefined): Promise<void>
  /**
   * Keeps feedback for the channel until an update brings it to the origin.
   * @returns what waits then
   * @throws LW_FEEDBACK_FULL, LW_FEEDBACK_TOO_LARGE
   */
  appendFeedback(
    subscription: Subscription,
    feedback: NewFeedback,
  ): Promise<{ readonly entries: number; readonly bytes: number }>
  /** Ends a subscription. The files of a synchronized folder stay; a copy of the tuner's goes. */
  unsubscribe(subscription: Subscription, options: { readonly keepData: boolean }): Promise<void>
  /** Verifies a channel and says how it is launched. @throws LW_TUNER_NOT_TRUSTED, LW_TUNER_DAMAGED */
  prepareLaunch(subscription: Subscription, options?: OperationOptions): Promise<LaunchPlan>
  /** Grants a channel to run without a sandbox, or takes that back. */
  setGrant(subscription: Subscription, granted: boolean): Promise<void>
  /** Runs scheduled updates until the signal. @throws LW_STORE_LOCKED when another tuner does */
  run(options: SchedulerOptions): Promise<void>
  stop(): Promise<void>
}
