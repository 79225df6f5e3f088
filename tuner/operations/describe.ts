import { type ChannelAttributes, parseSchedule } from '../../protocol/index.ts'
import { headOf, loadTrustState } from '../../trust/index.ts'
import type { TunerContext } from '../context.ts'
import { nextRun, spreadOf } from '../schedules/index.ts'
import type { Subscription, SubscriptionStatus } from '../subscriptions/index.ts'
import { heldRelease } from '../updates/index.ts'
import { generationStore, releaseOf } from './update.ts'

/** How a subscription stands. */
export interface SubscriptionView {
  readonly subscription: Subscription
  readonly release: number
  readonly label?: string
  /** The release that the last verified metadata name. */
  readonly head: number
  /** Where the files lie. */
  readonly location: string
  readonly attributes: Partial<ChannelAttributes>
  readonly status: SubscriptionStatus
  readonly schedule: { readonly text: string; readonly by: 'user' | 'developer' | 'default' }
  readonly nextRunMs: number | undefined
  /** Releases that lie here, newest first. */
  readonly kept: readonly number[]
}

const defaultSchedule = 'every 1 day'

export async function describeSubscription(
  context: TunerContext,
  subscription: Subscription,
): Promise<SubscriptionView> {
  const status = await context.history.status(subscription.id)
  const release = await releaseOf(context, subscription)
  const manifest = await manifestOf(context, subscription)
  const trust = await loadTrustState(context.fs, context.subscriptions.trustFile(subscription.id))
  const head = (trust === undefined ? undefined : headOf(trust))?.release ?? release
  const schedule = scheduleOf(subscription, manifest?.schedule)
  const store = generationStore(context, subscription)
  return {
    subscription,
    release,
    ...(manifest?.label === undefined ? {} : { label: manifest.label }),
    head,
    location: subscription.into?.directory ?? store.currentLink,
    attributes: manifest ?? {},
    status,
    schedule,
    nextRunMs: dueOf(context, subscription, status, schedule.text),
    kept: subscription.into === undefined ? await store.releases().catch(() => []) : [release],
  }
}

async function manifestOf(context: TunerContext, subscription: Subscription) {
  if (subscription.into === undefined) {
    return (await generationStore(context, subscription).current())?.manifest
  }
  const held = await heldRelease(context, context.subscriptions.directoryOf(subscription.id))
  return held?.manifest
}

/** The developer's default, then the user's override. */
export function scheduleOf(
  subscription: Subscription,
  developers: string | undefined,
): SubscriptionView['schedule'] {
  if (subscription.schedule !== undefined) return { text: subscription.schedule, by: 'user' }
  if (developers !== undefined) return { text: developers, by: 'developer' }
  return { text: defaultSchedule, by: 'default' }
}

/** When the next scheduled run is due, with growing pauses after failures. */
function dueOf(
  context: TunerContext,
  subscription: Subscription,
  status: SubscriptionStatus,
  text: string,
): number | undefined {
  if (subscription.paused === true) return undefined
  const nowMs = context.clock.now()
  const last = Date.parse(status.checkedAt ?? subscription.addedAt)
  const question = {
    schedule: parseSchedule(text),
    lastMs: last,
    nowMs,
    spread: spreadOf(context.directory, subscription.id),
    zone: context.zone,
  }
  const regular = nextRun(question)
  if (regular === undefined || status.failure === undefined) return regular
  // Full-jitter backoff, by the spread instead of chance so that it can be foretold.
  const ceiling = Math.min(3600_000, 30_000 * 2 ** Math.min(status.failure.count - 1, 10))
  return Math.min(regular, last + Math.max(1000, question.spread * ceiling))
}

/** Answers in one line why a channel is at the release where it is and what happens next. */
export function whyText(view: SubscriptionView, nowMs: number): string {
  const { subscription, status, release, head } = view
  const at = release === 0 ? 'nothing fetched yet' : `release ${release}`
  return `${subscription.name} is at ${at}: ${reasonOf(view)}; ${nextOf(view, nowMs)}.`
    .replace('  ', ' ')
    .replace(status.ended === true && head === release ? /; next.*$/ : /$^/, '.')
}

function reasonOf(view: SubscriptionView): string {
  const { subscription, status, release, head } = view
  if (status.ended === true) return 'the publisher ended the channel'
  if (subscription.paused === true) return 'updates are paused'
  if (subscription.hold !== undefined && release < head) {
    return `undo holds it below release ${head} until a release beyond ${subscription.hold.beyond}`
  }
  if (status.failure !== undefined) {
    return `the last attempt at ${status.failure.at} failed (${status.failure.code}): ${status.failure.message}`
  }
  if (release < head) return `release ${head} is out and was not fetched yet`
  return `that was the newest at ${status.succeededAt ?? 'the first fetch'}`
}

function nextOf(view: SubscriptionView, nowMs: number): string {
  if (view.nextRunMs === undefined) return `next: only when you run longwave update ${view.subscription.name}`
  const when = view.nextRunMs <= nowMs ? 'now' : `at ${new Date(view.nextRunMs).toISOString()}`
  return `next check ${when} (${view.schedule.text}, by the ${view.schedule.by === 'default' ? 'default' : view.schedule.by}) while longwave tuner runs`
}
