import type { Command } from 'commander'
import { ExitCode } from '../../protocol/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { deciderText, openTuner, scheduleWarning } from '../tuner-session.ts'

/** `longwave schedule CHANNEL [SCHEDULE]` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('<channel>', 'name, URL or folder')
    .argument('[schedule]', 'the new schedule; "default" gives it back to the developer')
    .addHelpText(
      'after',
      `
Examples:
  longwave schedule app
  longwave schedule app "every 1 day between 02:00 and 05:00 on mon+tue"
  longwave schedule app never
  longwave schedule app default

Exit codes: 0 ok, 2 not a schedule, 10 no such subscription.`,
    )
    .action(run(schedule))
}

async function schedule(session: Session, word: string, text: string | undefined): Promise<number> {
  const tuner = await openTuner(session)
  for (const subscription of await tuner.select(word)) {
    if (text !== undefined) {
      await tuner.setSchedule(subscription, text === 'default' ? undefined : text)
    }
  }
  for (const subscription of await tuner.select(word)) {
    const view = await tuner.describe(subscription)
    session.output.emit({ type: 'schedule', channel: subscription.name, ...view.schedule })
    const next =
      view.nextRunMs === undefined
        ? 'no scheduled run'
        : `next ${new Date(view.nextRunMs).toISOString()}`
    session.output.print(
      `${subscription.name}: ${view.schedule.text} (${deciderText(view.schedule.by)}), ${next}`,
    )
    const warning = scheduleWarning(view.schedule)
    if (warning !== undefined) session.output.note(`Warning: ${warning}`)
  }
  return ExitCode.ok
}
