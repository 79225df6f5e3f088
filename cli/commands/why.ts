import type { Command } from 'commander'
import { eachSubscription } from '../each-subscription.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { openTuner } from '../tuner-session.ts'

/** `longwave why CHANNEL` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('[channel]', 'name, URL or folder; all subscriptions without')
    .addHelpText(
      'after',
      `
Examples:
  longwave why app

Exit codes: 0 ok, 3 some could not be looked at, 10 no such subscription, 11 another tuner runs.`,
    )
    .action(run(why))
}

async function why(session: Session, word: string | undefined): Promise<number> {
  const tuner = await openTuner(session)
  return eachSubscription(session, {
    tuner,
    word,
    async work(subscription) {
      const text = await tuner.why(subscription)
      session.output.emit({ type: 'why', channel: subscription.name, text })
      session.output.print(text)
      return undefined
    },
  })
}
