import type { Command } from 'commander'
import { ExitCode, fingerprint } from '../../protocol/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { openTuner } from '../tuner-session.ts'
import { stateOf, viewObject } from './list.ts'

/** `longwave status [CHANNEL]` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('[channel]', 'name, URL or folder; all subscriptions without')
    .addHelpText(
      'after',
      `
Examples:
  longwave status
  longwave status app --json

Exit codes: 0 ok, 10 no such subscription, 11 another tuner runs.`,
    )
    .action(run(status))
}

async function status(session: Session, word: string | undefined): Promise<number> {
  const tuner = await openTuner(session)
  const chosen = await tuner.select(word)
  if (chosen.length === 0) session.output.print('Nothing is subscribed.')
  for (const subscription of chosen) {
    const view = await tuner.describe(subscription)
    session.output.emit(viewObject('status', view))
    const { failure } = view.status
    const lines: readonly (readonly [string, string | undefined])[] = [
      ['State', stateOf(view)],
      [
        'Release',
        `${view.release} of ${view.head}${view.label === undefined ? '' : ` (${view.label})`}`,
      ],
      ['Title', view.attributes.title],
      ['URL', subscription.url],
      ['Key', `${fingerprint(subscription.channel)} (${subscription.firstUse})`],
      ['Files', view.location],
      ['Kept', view.kept.join(', ')],
      ['Schedule', `${view.schedule.text} (by the ${view.schedule.by})`],
      ['Next run', view.nextRunMs === undefined ? 'none' : new Date(view.nextRunMs).toISOString()],
      ['Checked', view.status.checkedAt ?? 'never'],
      ['Updated', view.status.updatedAt],
      [
        'Failing',
        failure === undefined
          ? undefined
          : `since ${failure.at}, ${failure.count}×: ${failure.message}`,
      ],
    ]
    session.output.print(subscription.name)
    for (const [name, value] of lines) {
      if (value !== undefined) session.output.print(`  ${name.padEnd(9)} ${value}`)
    }
  }
  return ExitCode.ok
}
