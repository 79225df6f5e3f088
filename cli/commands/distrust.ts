import type { Command } from 'commander'
import { ExitCode, fingerprint } from '../../protocol/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { openTuner } from '../tuner-session.ts'

/** `longwave distrust CHANNEL` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('<channel>', 'name or URL')
    .addHelpText(
      'after',
      `
Examples:
  longwave distrust app

Exit codes: 0 ok, 10 no such subscription, 11 another tuner runs.`,
    )
    .action(run(distrust))
}

async function distrust(session: Session, word: string): Promise<number> {
  const tuner = await openTuner(session)
  for (const subscription of await tuner.select(word)) {
    await tuner.setGrant(subscription, false)
    session.output.emit({
      type: 'distrusted',
      channel: subscription.name,
      channelId: subscription.channel,
    })
    session.output.print(
      `${subscription.name} (${fingerprint(subscription.channel)}) may no longer run without a sandbox.`,
    )
  }
  return ExitCode.ok
}
