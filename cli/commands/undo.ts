import type { Command } from 'commander'
import { ExitCode } from '../../protocol/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { openTuner } from '../tuner-session.ts'

/** `longwave undo [CHANNEL]` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('<channel>', 'name, URL or folder')
    .addHelpText(
      'after',
      `
Scheduled updates stay at the earlier release until a newer one is published; naming the channel
in longwave update lifts that. Local changes of a synchronized folder are reverted too.

Examples:
  longwave undo app
  longwave undo ./public

Exit codes: 0 ok, 1 nothing to go back to, 10 no such subscription, 13 the earlier one is damaged.`,
    )
    .action(run(undo))
}

async function undo(session: Session, word: string): Promise<number> {
  const tuner = await openTuner(session)
  for (const subscription of await tuner.select(word)) {
    const result = await tuner.undo(subscription, { signal: session.signal })
    const { from, to, reverted } = result
    session.output.emit({ type: 'undone', channel: subscription.name, from, to, reverted })
    session.output.print(
      from === to
        ? `${subscription.name}: undid the last change; release ${to} stays.`
        : `${subscription.name}: back from release ${from} to ${to}.`,
    )
  }
  return ExitCode.ok
}
