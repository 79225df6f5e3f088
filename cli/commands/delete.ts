import type { Command } from 'commander'
import { ExitCode } from '../../protocol/index.ts'
import { confirm } from '../confirmation.ts'
import type { Runner } from '../program.ts'
import { openPublisher } from '../publisher-session.ts'
import type { Session } from '../session.ts'

/** `longwave delete CHANNEL_URL` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('<channel-url>')
    .option('--token <token>', 'publish token of the transmitter')
    .addHelpText(
      'after',
      `
A signed final release ends the channel. Subscribers keep what they have and are told; the name
stays reserved for this channel.

Examples:
  longwave delete http://127.0.0.1:5282/site

Exit codes: 0 ok, 10 no such channel, 12 token refused, 13 keys or signatures.`,
    )
    .action(run(end))
}

async function end(
  session: Session,
  channel: string,
  flags: { readonly token?: string },
): Promise<number> {
  await confirm(session, `End ${channel} for good?`)
  const publisher = openPublisher(session)
  const summary = await publisher.end(channel, { token: flags.token, signal: session.signal })
  session.output.emit({ type: 'ended', ...summary })
  session.output.print(
    `${summary.url} is ended with release ${summary.release}; its name stays reserved.`,
  )
  return ExitCode.ok
}
