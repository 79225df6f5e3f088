import type { Command } from 'commander'
import { ExitCode } from '../../protocol/index.ts'
import type { SubscriptionView } from '../../tuner/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { openTuner, selectSubscriptions } from '../tuner-session.ts'

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

Exit codes: 0 ok, 11 another tuner runs.`,
    )
    .action(run(list))
}

async function list(session: Session, word: string | undefined): Promise<number> {
  const tuner = await openTuner(session)
  const rows: (readonly string[])[] = []
  for (const subscription of await selectSubscriptions(session, tuner, word)) {
    const view = await tuner.describe(subscription)
    session.output.emit(viewObject('subscription', view))
    rows.push([
      subscription.firstUse === 'unsigned' ? `${subscription.name} (unsigned)` : subscription.name,
      `${view.release}${view.label === undefined ? '' : ` (${view.label})`}`,
      stateOf(view),
      view.schedule.text,
      view.location,
    ])
  }
  if (rows.length > 0) {
    session.output.printTable([['CHANNEL', 'RELEASE', 'STATE', 'SCHEDULE', 'FILES'], ...rows])
  }
  return ExitCode.ok
}

/** One word for how a subscription stands. */
export function stateOf(view: SubscriptionView): string {
  const { subscription, status } = view
  if (status.ended === true) return 'ended'
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
    ...(view.nextRunMs === undefined ? {} : { nextRun: new Date(view.nextRunMs).toISOString() }),
    status,
  }
}
