import type { Command } from 'commander'
import { ExitCode } from '../../protocol/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { openTuner, selectSubscriptions } from '../tuner-session.ts'

/** `longwave pause [CHANNEL]` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('[channel]', 'name, URL or folder; all subscriptions without')
    .addHelpText(
      'after',
      `
Examples:
  longwave pause app
  longwave pause

Exit codes: 0 ok, 10 no such subscription, 11 another tuner runs.`,
    )
    .action(run(pause))
}

async function pause(session: Session, word: string | undefined): Promise<number> {
  const tuner = await openTuner(session)
  for (const subscription of await selectSubscriptions(session, tuner, word)) {
    await tuner.setPaused(subscription, true)
    session.output.emit({ type: 'paused', channel: subscription.name })
    session.output.print(`Scheduled updates of ${subscription.name} are paused.`)
  }
  return ExitCode.ok
}
