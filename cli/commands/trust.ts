import type { Command } from 'commander'
import { ExitCode, fingerprint, parseChannelAddress } from '../../protocol/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import type { TunerOperations } from '../../tuner/index.ts'
import { cliError } from '../failure/index.ts'
import { openTuner, updateObject } from '../tuner-session.ts'

/** `longwave trust CHANNEL` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('<channel>', 'name or URL')
    .option('--replace <link>', 'follow another channel that has taken over the name')
    .addHelpText(
      'after',
      `
A new channel under a known name is refused until you say so: compare the fingerprint with what the
publisher tells you, then give the new link.

Examples:
  longwave trust app
  longwave trust app --replace 'https://dl.example.org/app#NEW-CHANNEL-ID'

Exit codes: 0 ok, 10 no such subscription, 11 another tuner runs.`,
    )
    .action(run(trust))
}

async function trust(
  session: Session,
  word: string,
  flags: { readonly replace?: string },
): Promise<number> {
  const tuner = await openTuner(session)
  if (flags.replace !== undefined) return replace(session, tuner, word, flags.replace)
  for (const subscription of await tuner.select(word)) {
    await tuner.setGrant(subscription, true)
    session.output.emit({
      type: 'trusted',
      channel: subscription.name,
      channelId: subscription.channel,
    })
    session.output.print(
      `${subscription.name} (${fingerprint(subscription.channel)}) may run without a sandbox now.`,
    )
  }
  return ExitCode.ok
}

/** The old channel's copy goes before the new one is fetched: they share nothing but the name. */
async function replace(
  session: Session,
  tuner: TunerOperations,
  word: string,
  link: string,
): Promise<number> {
  const address = parseChannelAddress(link)
  if (address.channelId === undefined) {
    throw cliError('LW_CLI_USAGE', {
      detail: 'The link must carry the new fingerprint: URL#CHANNEL-ID.',
    })
  }
  for (const subscription of await tuner.select(word)) {
    const { into, name, schedule } = subscription
    await tuner.unsubscribe(subscription, { keepData: true })
    const result = await tuner.subscribe({
      address,
      as: name,
      ...(into === undefined ? {} : { into: { ...into, adopt: true } }),
      ...(schedule === undefined ? {} : { schedule }),
      signal: session.signal,
    })
    session.output.emit({ ...updateObject(result), type: 'replaced' })
    session.output.print(
      `${name} follows ${fingerprint(address.channelId)} now, release ${result.to}.`,
    )
  }
  return ExitCode.ok
}
