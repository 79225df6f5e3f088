import type { Command } from 'commander'
import type { SubscriptionView } from '../../tuner/index.ts'
import { eachSubscription } from '../each-subscription.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { openTuner } from '../tuner-session.ts'

/** `longwave list` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('[channel]', 'name, URL or folder; all subscriptions without')
    .addHelpText(
      'after',
      `
Examples:
  longwave list
  longwave list --json

Exit codes: 0 ok, 3 some could not be looked at, 10 no such subscription, 11 another tuner runs.`,
    )
    .action(run(list))
}

async function list(session: Session, word: string | undefined): Promise<number> {
  const tuner = await openTuner(session)
  const rows: (readonly string[])[] = []
  const code = await eachSubscription(session, {
    tuner,
    word,
    async work(subscription) {
      const view = await tuner.describe(subscription)
      session.output.emit(viewObject('subscription', view))
      rows.push(rowOf(view))
      return undefined
    },
    onFailure: (name) => rows.push([name, '', 'damaged', '', '']),
  })
  if (rows.length > 0) {
    session.output.printTable([['CHANNEL', 'RELEASE', 'STATE', 'SCHEDULE', 'FILES'], ...rows])
  }
  return code
}

function rowOf(view: SubscriptionView): readonly string[] {
  const { subscription, release, label, schedule, location } = view
  return [
    subscription.firstUse === 'unsigned' ? `${subscription.name} (unsigned)` : subscription.name,
    `${release}${label === undefined ? '' : ` (${label})`}`,
    stateOf(view),
    // The whole reason is what status and why are for.
    schedule.passedOver === undefined ? schedule.text : `${schedule.text} (see why)`,
    location,
  ]
}

/** One word for how a subscription stands. */
export function stateOf(view: SubscriptionView): string {
  const { subscription, status } = view
  if (status.ended === true) return 'ended'
  if (view.damage !== undefined) return 'damaged'
  if (subscription.paused === true) return 'paused'
  if (subscription.hold !== undefined && view.release < view.head) return 'held'
  if (status.failure !== undefined) return 'failing'
  if (view.release < view.head) return 'behind'
  return 'current'
}

/** A subscription for scripts. */
export function viewObject(type: string, view: SubscriptionView) {
  const { subscription, status } = view
  return {
    type,
    channel: subscription.name,
    url: subscription.url,
    channelId: subscription.channel,
    firstUse: subscription.firstUse,
    state: stateOf(view),
    release: view.release,
    ...(view.label === undefined ? {} : { label: view.label }),
    head: view.head,
    kept: view.kept,
    location: view.location,
    ...(subscription.into === undefined ? {} : { into: subscription.into.directory }),
    schedule: view.schedule,
    ...(view.damage === undefined ? {} : { damage: view.damage }),
    ...(view.nextRunMs === undefined ? {} : { nextRun: new Date(view.nextRunMs).toISOString() }),
    status,
  }
}
