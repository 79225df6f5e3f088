import type { Command } from 'commander'
import { ExitCode } from '../../protocol/index.ts'
import { wholeNumber } from '../options/index.ts'
import type { Runner } from '../program.ts'
import { openPublisher } from '../publisher-session.ts'
import type { Session } from '../session.ts'

/** `longwave revert CHANNEL_URL RELEASE` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('<channel-url>')
    .argument('<release>', 'the release whose contents become the newest again')
    .option('--token <token>', 'publish token of the transmitter')
    .addHelpText(
      'after',
      `
Releases only go up: the old contents get a new number, and tuners receive them as any update.

Examples:
  longwave revert http://127.0.0.1:5282/site 3

Exit codes: 0 ok, 10 no such channel or release, 12 token refused, 13 keys or signatures.`,
    )
    .action(run(revert))
}

async function revert(
  session: Session,
  channel: string,
  release: string,
  flags: { readonly token?: string },
): Promise<number> {
  const publisher = openPublisher(session)
  const to = wholeNumber('RELEASE', release, 1, 1_000_000_000)
  const summary = await publisher.revert(channel, to, {
    token: flags.token,
    signal: session.signal,
  })
  session.output.emit({ type: 'reverted', ...summary, of: to })
  session.output.print(
    `${summary.url} release ${summary.release} has the contents of release ${to}.`,
  )
  return ExitCode.ok
}
