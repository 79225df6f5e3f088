import path from 'node:path'
import type { Command } from 'commander'
import { ExitCode, parseChannelName } from '../../../protocol/index.ts'
import { allowPlugin } from '../../../transmitter/index.ts'
import { cliError } from '../../failure/index.ts'
import { collect } from '../../options/index.ts'
import type { Runner } from '../../program.ts'
import type { Session } from '../../session.ts'

interface Flags {
  readonly data?: string
  readonly set?: readonly string[]
}

const dataOption = ['--data <dir>', 'where channels are kept (default: HOME/transmitter)'] as const

/** `allow-plugin NAME`, `forbid-plugin NAME`: whose plug-ins this transmitter runs. */
export function declarePlugins(command: Command, run: Runner): void {
  command
    .command('allow-plugin')
    .argument('<name>', 'the channel')
    .description("let a channel's plug-in run here, with the rights of this transmitter's user")
    .option(...dataOption)
    .option('--set <key=value>', 'a setting for the plug-in; repeatable, replaces all', collect)
    .addHelpText(
      'after',
      `
A running transmitter sees it with the next update request. What a plug-in is and may do:
docs/plugins.md.

Examples:
  longwave transmitter allow-plugin prices --set database=/srv/prices.db
  longwave transmitter forbid-plugin prices

Exit codes: 0 ok, 2 a name or setting is none, 10 no data there.`,
    )
    .action(run((session, name: string, flags: Flags) => decide(session, name, flags, true)))
  command
    .command('forbid-plugin')
    .argument('<name>', 'the channel')
    .description("stop a channel's plug-in; feedback is kept for it")
    .option(...dataOption)
    .action(run((session, name: string, flags: Flags) => decide(session, name, flags, false)))
}

async function decide(
  session: Session,
  name: string,
  flags: Flags,
  isAllowed: boolean,
): Promise<number> {
  const channel = parseChannelName(name)
  const settings = flags.set === undefined ? undefined : settingsOf(flags.set)
  const held = await allowPlugin({
    directory: path.resolve(flags.data ?? path.join(session.home, 'transmitter')),
    channel,
    isAllowed,
    ...(settings === undefined ? {} : { settings }),
  })
  session.output.emit({ type: 'plugin', channel, ...held })
  session.output.print(
    `The plug-in of ${channel} ${isAllowed ? 'may run' : 'does not run; its feedback is kept'}.`,
  )
  return ExitCode.ok
}

function settingsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1) throw cliError('LW_CLI_USAGE', { detail: `--set ${pair} is no KEY=VALUE.` })
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}
