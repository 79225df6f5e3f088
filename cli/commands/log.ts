import type { Command } from 'commander'
import { ExitCode } from '../../protocol/index.ts'
import { wholeNumber } from '../options/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { openTuner } from '../tuner-session.ts'

/** `longwave log [CHANNEL]` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('[channel]', 'name, URL or folder; everything without')
    .option('--count <n>', 'how many entries at the most', '50')
    .addHelpText(
      'after',
      `
Examples:
  longwave log
  longwave log app --count 10

Exit codes: 0 ok, 10 no such subscription, 11 another tuner runs.`,
    )
    .action(run(log))
}

async function log(
  session: Session,
  word: string | undefined,
  flags: { readonly count: string },
): Promise<number> {
  const tuner = await openTuner(session)
  const chosen = word === undefined ? undefined : await tuner.select(word)
  const names = new Map<string, string>()
  for (const one of await tuner.select()) names.set(one.id, one.into?.directory ?? one.name)
  const count = wholeNumber('--count', flags.count, 1, 10_000)
  const entries = await tuner.log(chosen, count)
  if (entries.length === 0) session.output.print('Nothing has happened yet.')
  for (const entry of entries) {
    const name = names.get(entry.subscription) ?? entry.subscription
    session.output.emit({ type: 'event', ...entry, channel: name })
    session.output.print(`${entry.at}  ${entry.event.padEnd(12)} ${name}  ${entry.text}`)
  }
  return ExitCode.ok
}
