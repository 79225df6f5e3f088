import {
  type ChannelAttributes,
  isLongwaveError,
  type LongwaveError,
  type Manifest,
  parseSchedule,
} from '../../protocol/index.ts'
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
  /** What of its state here cannot be read, and what mends that; undefined when all can. */
  readonly damage?: { readonly text: string; readonly next?: string }
}

export async function describeSubscription(
  context: TunerContext,
  subscription: Subscription,
  policy: Policy,
): Promise<SubscriptionView> {
  const { id, into } = subscription
  const status = await context.history.status(id)
  const release = await releaseOf(context, subscription)
  const damages: LongwaveError[] = []
  // What cannot be read is told; how the rest stands can be told without.
  const manifest = await gathered(installedManifest(context, subscription), damages)
  const trustFile = context.subscriptions.trustFile(id)
  const trust = await gathered(loadTrustState(context.fs, trustFile), damages)
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
    ...damageOf(damages),
  }
}

function damageOf([first]: readonly LongwaveError[]): Pick<SubscriptionView, 'damage'> {
  if (first === undefined) return {}
  const { message, next } = first
  return { damage: { text: message, ...(next === undefined ? {} : { next }) } }
}

/** What could be read; undefined for what is damaged, which is gathered. */
async function gathered<T>(
  loading: Promise<T | undefined>,
  damages: LongwaveError[],
): Promise<T | undefined> {
  try {
    return await loading
  } catch (error) {
    const isDamage =
      isLongwaveError(error, 'LW_TUNER_STATE_DAMAGED') ||
      isLongwaveError(error, 'LW_TRUST_STATE_DAMAGED')
    if (!isDamage) throw error
    damages.push(error)
    return undefined
  }
}

/** The installed manifest; undefined before the first release. @throws LW_TUNER_STATE_DAMAGED */
async function installedManifest(
  context: TunerContext,
  subscription: Subscription,
): Promise<Manifest | undefined> {
  if (subscription.into === undefined) {
    return (await generationStore(context, subscription).current())?.manifest
  }
  const directory = context.subscriptions.directoryOf(subscription.id)
  return (await heldRelease(context, directory))?.manifest
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
  const manifest = await gathered(installedManifest(context, subscription), [])
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
