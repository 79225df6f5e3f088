import type { ChosenSchedule } from '../policy/index.ts'
import type { Failure } from '../subscriptions/index.ts'
import type { SubscriptionView } from './describe.ts'

/** Answers in one line why a channel is at the release where it is and what happens next. */
export function whyText(view: SubscriptionView, nowMs: number): string {
  const { subscription, release, label } = view
  const named = label === undefined ? `release ${release}` : `release ${release} (${label})`
  const at = release === 0 ? 'not fetched yet' : `at ${named}`
  const passedOver = passedOverText(view.schedule)
  const besides = passedOver === undefined ? '' : ` ${passedOver}`
  return `${subscription.name} is ${at}: ${reasonOf(view, nowMs)}; ${nextOf(view, nowMs)}.${besides}`
}

/** Says whose schedule does not count and why; undefined when each one that there is can be read. */
export function passedOverText({ passedOver }: ChosenSchedule): string | undefined {
  if (passedOver === undefined) return undefined
  return `The ${passedOver.by}'s schedule cannot be used and does not count: ${passedOver.why}`
}

function reasonOf(view: SubscriptionView, nowMs: number): string {
  const { subscription, status, release, head } = view
  const isBehind = release < head
  if (view.isBusy) return 'something is being done with it right now'
  if (status.ended === true)
    return 'the publisher ended the channel, and this stays its last release'
  if (view.damage !== undefined)
    return `its state here is damaged: ${withoutStop(view.damage.text)}`
  if (subscription.paused === true) {
    return isBehind ? `updates are paused, and release ${head} is out` : 'updates are paused'
  }
  if (subscription.hold !== undefined && isBehind) {
    return `undo holds it below release ${head} until a release beyond ${subscription.hold.beyond} is out`
  }
  if (status.failure !== undefined) return failureText(status.failure, isBehind ? head : undefined)
  if (isBehind && status.turnMs !== undefined && status.turnMs > nowMs) {
    return `release ${head} is rolled out step by step, and this tuner's turn is at ${timeText(status.turnMs)}`
  }
  if (isBehind) return `release ${head} is out and was not fetched yet`
  if (release === 0) return 'its first fetch did not come to an end'
  if (status.succeededAt === undefined) return 'nobody has asked since'
  return `that was the newest at ${status.succeededAt}`
}

/** What keeps failing, in the words that help. */
function failureText(failure: Failure, head: number | undefined): string {
  const times = failure.count === 1 ? '' : `, ${failure.count} times`
  const wanted = head === undefined ? '' : `release ${head} is out, but `
  if (failure.code === 'LW_TRUST_FROZEN') {
    return `the channel's signed time has run out since ${failure.since} (frozen, or its server forgot to sign): ${withoutStop(failure.message)}`
  }
  if (failure.code === 'LW_TUNER_DISK_SPACE') {
    return `${wanted}the disk is too full: ${withoutStop(failure.message)}`
  }
  if (failure.code.startsWith('LW_TRANSFER_')) {
    return `${wanted}its server could not be reached since ${failure.since}${times} (${failure.code}): ${withoutStop(failure.message)}`
  }
  return `${wanted}the last attempt at ${failure.at} failed${times} (${failure.code}): ${withoutStop(failure.message)}`
}

function nextOf(view: SubscriptionView, nowMs: number): string {
  const { subscription, status, nextRunMs, schedule } = view
  const { name } = subscription
  if (view.isBusy) return 'wait for it, or look at longwave log'
  if (status.ended === true) return `longwave unsubscribe ${name} removes it`
  if (view.damage !== undefined) {
    return `next: ${withoutStop(view.damage.next ?? `longwave update ${name}`)}`
  }
  if (subscription.paused === true) return `longwave resume ${name} goes on with the schedule`
  if (nextRunMs === undefined)
    return `next: only when you run longwave update ${name} (${byText(view)})`
  const isHeld = subscription.hold !== undefined && view.release < view.head
  const lift = isHeld ? `, longwave update ${name} lifts it` : ''
  const when = nextRunMs <= nowMs ? 'now' : `at ${timeText(nextRunMs)}`
  const retry = nextRunMs === status.failure?.retryMs ? 'next attempt' : 'next check'
  return `${retry} ${when} while longwave tuner runs (${schedule.text}, ${byText(view)})${lift}`
}

function byText({ schedule }: SubscriptionView): string {
  switch (schedule.by) {
    case 'administrator':
      return "the administrator's rule"
    case 'user':
      return 'set by you'
    case 'developer':
      return "the developer's"
    case 'default':
      return 'the default'
  }
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}

function withoutStop(text: string): string {
  return text.replace(/\.$/, '')
}
