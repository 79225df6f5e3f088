import { type ChannelAttributes, isLongwaveError, parseSchedule } from '../../protocol/index.ts'
import { headOf, loadTrustState } from '../../trust/index.ts'
import type { TunerContext } from '../context.ts'
import { type ChosenSchedule, chooseSchedule, type Policy, ruleFor } from '../policy/index.ts'
import { nextRun, spreadOf } from '../schedules/index.ts'
import type { Subscription, SubscriptionStatus } from '../subscriptions/index.ts'
import { heldRelease } from '../updates/index.ts'
import { generationStore, releaseOf } from './recover.ts'

/** How a subscription stands. */
export interface SubscriptionView {
  readonly subscription: Subscription
  readonly release: number
  readonly label?: string
  /** The release that the last verified metadata name, or the last index lists. */
  readonly head: number
  /** Where the files lie. */
  readonly location: string
  readonly attributes: Partial<ChannelAttributes>
  readonly status: SubscriptionStatus
  readonly schedule: ChosenSchedule
  readonly nextRunMs: number | undefined
  /** Releases that lie here, newest first. */
  readonly kept: readonly number[]
  /** Feedback that waits for the next update. */
  readonly feedback: { readonly entries: number; readonly bytes: number }
  /** Whether the channel runs now. */
  readonly isLive: boolean
  /** Something is being done with it right now. */
  readonly isBusy: boolean
}

export async function describeSubscription(
  context: TunerContext,
  subscription: Subscription,
  policy: Policy,
): Promise<SubscriptionView> {
  const { id, into } = subscription
  const status = await context.history.status(id)
  const release = await releaseOf(context, subscription)
  const manifest = await manifestOf(context, subscription)
  const trust = await loadTrustState(context.fs, context.subscriptions.trustFile(id)).catch(
    (error: unknown) => {
      // The next update refuses it aloud; how things stand can be told without.
      if (isLongwaveError(error, 'LW_TRUST_STATE_DAMAGED')) return undefined
      throw error
    },
  )
  const signed = trust === undefined ? undefined : headOf(trust)
  const listed = subscription.firstUse === 'unsigned' ? status.headRelease : undefined
  const head = signed?.release ?? listed ?? release
  const schedule = chooseSchedule(ruleFor(policy, subscription), subscription, manifest?.schedule)
  const store = generationStore(context, subscription)
  return {
    subscription,
    release,
    ...(manifest?.label === undefined ? {} : { label: manifest.label }),
    head,
    location: into?.directory ?? store.currentLink,
    attributes: manifest ?? {},
    status,
    schedule,
    nextRunMs: dueOf(context, { subscription, status, schedule: schedule.text }),
    kept: into !== undefined ? (release === 0 ? [] : [release]) : await store.releases(),
    feedback: await context.feedback.counts(id),
    isLive: context.liveUsers.isLive(id),
    isBusy: context.turns.isBusy(id),
  }
}

/** The installed manifest, or undefined when there is none that can be read. */
async function manifestOf(context: TunerContext, subscription: Subscription) {
  if (subscription.into === undefined) {
    return (await generationStore(context, subscription).usableCurrent())?.manifest
  }
  const directory = context.subscriptions.directoryOf(subscription.id)
  return heldRelease(context, directory).then(
    (held) => held?.manifest,
    (error: unknown) => {
      if (isLongwaveError(error, 'LW_TUNER_STATE_DAMAGED')) return undefined
      throw error
    },
  )
}

/**
 * The schedule that counts, for the scheduler: the developer's is read from the manifest once a
 * release and then remembered.
 */
export async function scheduleOf(
  context: TunerContext,
  subscription: Subscription,
  policy: Policy,
): Promise<ChosenSchedule> {
  const rule = ruleFor(policy, subscription)
  const release = await releaseOf(context, subscription)
  const status = await context.history.status(subscription.id)
  if (status.installed?.release === release) {
    return chooseSchedule(rule, subscription, status.installed.schedule)
  }
  const manifest = await manifestOf(context, subscription)
  const schedule = manifest?.schedule
  await context.history.setStatus(subscription.id, {
    ...status,
    installed: { release, ...(schedule === undefined ? {} : { schedule }) },
  })
  return chooseSchedule(rule, subscription, schedule)
}

/**
 * When the next scheduled run is due, ms: by the schedule, sooner after a failure or when a rollout
 * lets this tuner in, never before the server's word.
 */
export function dueOf(
  context: Pick<TunerContext, 'clock' | 'tunerId' | 'zone'>,
  question: {
    readonly subscription: Subscription
    readonly status: SubscriptionStatus
    readonly schedule: string
  },
): number | undefined {
  const { subscription, status } = question
  if (subscription.paused === true) return undefined
  const nowMs = context.clock.now()
  const lastMs = Date.parse(status.checkedAt ?? subscription.addedAt)
  const regular = nextRun({
    schedule: parseSchedule(question.schedule),
    // A clock that was set back must not hold up the next run until it has caught up.
    lastMs: Math.min(lastMs, nowMs),
    nowMs,
    spread: spreadOf(context.tunerId, subscription.id),
    zone: context.zone,
  })
  if (regular === undefined) return undefined
  const sooner = [regular, status.failure?.retryMs, status.turnMs].filter(
    (ms): ms is number => ms !== undefined,
  )
  return Math.max(Math.min(...sooner), status.notBeforeMs ?? 0)
}
