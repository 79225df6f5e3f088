import type { Command } from 'commander'
import { ExitCode } from '../../protocol/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { openTuner } from '../tuner-session.ts'

/** `longwave unsubscribe CHANNEL` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('<channel>', 'name, URL or folder')
    .option('--keep-data', "keep the channel's own data folder")
    .addHelpText(
      'after',
      `
The tuner's copy of the channel goes; the files of a synchronized folder stay.

Examples:
  longwave unsubscribe app
  longwave unsubscribe ./public

Exit codes: 0 ok, 10 no such subscription, 11 another tuner runs.`,
    )
    .action(run(unsubscribe))
}

async function unsubscribe(
  session: Session,
  word: string,
  flags: { readonly keepData?: boolean },
): Promise<number> {
  const tuner = await openTuner(session)
  const broken = await tuner.removeDamaged(word, { keepData: flags.keepData === true })
  if (broken !== undefined) {
    session.output.emit({ type: 'unsubscribed', channel: broken })
    session.output.print(
      `Removed the state of ${broken}, which could not be read; files of a synchronized folder stay.`,
    )
    return ExitCode.ok
  }
  for (const subscription of await tuner.select(word)) {
    await tuner.unsubscribe(subscription, { keepData: flags.keepData === true })
    session.output.emit({ type: 'unsubscribed', channel: subscription.name, url: subscription.url })
    session.output.print(`Unsubscribed from ${subscription.url}.`)
  }
  return ExitCode.ok
}
