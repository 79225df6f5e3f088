import { type Command, Option } from 'commander'
import { fingerprint } from '../../protocol/index.ts'
import type { SubscriptionView } from '../../tuner/index.ts'
import { eachSubscription } from '../each-subscription.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { deciderText, openTuner, scheduleWarning } from '../tuner-session.ts'
import { stateOf, viewObject } from './list.ts'

interface Flags {
  readonly server?: string
  readonly token?: string
}

/** `longwave status [CHANNEL]`, `longwave status --server URL` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('[channel]', 'name, URL or folder; all subscriptions without')
    .addOption(new Option('--server <url>', 'how a server stands: its health and its measures'))
    .option('--token <token>', 'with --server: a publish token shows feedback and plug-ins, too')
    .addHelpText(
      'after',
      `
Examples:
  longwave status
  longwave status app --json
  longwave status --server https://dl.example.org/

Exit codes: 0 ok, 1 the server is not well, 3 some could not be looked at, 10 no such subscription, 11 another tuner runs,
75 the server is away.`,
    )
    .action(run(status))
}

async function status(session: Session, word: string | undefined, flags: Flags): Promise<number> {
  if (flags.server !== undefined) {
    const { showServer } = await import('./status/index.ts')
    return showServer(session, flags.server, flags.token)
  }
  const tuner = await openTuner(session)
  return eachSubscription(session, {
    tuner,
    word,
    async work(subscription) {
      const view = await tuner.describe(subscription)
      session.output.emit(viewObject('status', view))
      session.output.print(subscription.name)
      for (const [name, value] of linesOf(view)) {
        if (value !== undefined) session.output.print(`  ${name.padEnd(9)} ${value}`)
      }
      return undefined
    },
  })
}

function keyText({ channel, firstUse }: SubscriptionView['subscription']): string {
  if (firstUse === 'unsigned') return 'unsigned: only its server vouches for it'
  return `${fingerprint(channel)} (${firstUse})`
}

function linesOf(view: SubscriptionView): readonly (readonly [string, string | undefined])[] {
  const { subscription, label } = view
  const { failure, checkedAt, updatedAt } = view.status
  const next = view.nextRunMs === undefined ? 'none' : new Date(view.nextRunMs).toISOString()
  return [
    ['State', stateOf(view)],
    ['Damage', view.damage && [view.damage.text, view.damage.next].filter(Boolean).join(' Next: ')],
    ['Release', `${view.release} of ${view.head}${label === undefined ? '' : ` (${label})`}`],
    ['Title', view.attributes.title],
    ['URL', subscription.url],
    ['Proxy', subscription.proxy],
    ['Repeater', subscription.repeater],
    ['Key', keyText(subscription)],
    ['Files', view.location],
    ['Kept', view.kept.length === 0 ? undefined : view.kept.join(', ')],
    ['Schedule', `${view.schedule.text} (${deciderText(view.schedule.by)})`],
    ['', scheduleWarning(view.schedule)],
    ['Next run', next],
    ['Checked', checkedAt ?? 'never'],
    ['Updated', updatedAt],
    [
      'Running',
      view.isLive ? 'yes; it installs updates itself, or they wait for its end' : undefined,
    ],
    [
      'Feedback',
      view.feedback.entries === 0
        ? undefined
        : `${view.feedback.entries} waiting for the next update`,
    ],
    [
      'Failing',
      failure === undefined
        ? undefined
        : `since ${failure.at}, ${failure.count}×: ${failure.message}`,
    ],
  ]
}
