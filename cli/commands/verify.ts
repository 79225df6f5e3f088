import type { Command } from 'commander'
import { ExitCode } from '../../protocol/index.ts'
import { countText } from '../output/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { openTuner, selectSubscriptions } from '../tuner-session.ts'

/** `longwave verify [CHANNEL]` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('[channel]', 'name, URL or folder; all subscriptions without')
    .option('--heal', 'fetch damaged files again')
    .addHelpText(
      'after',
      `
Examples:
  longwave verify app
  longwave verify --heal

Exit codes: 0 every file is as published (or was mended), 10 no such subscription, 13 damaged.`,
    )
    .action(run(verify))
}

async function verify(
  session: Session,
  word: string | undefined,
  flags: { readonly heal?: boolean },
): Promise<number> {
  const tuner = await openTuner(session)
  let damaged = false
  for (const subscription of await selectSubscriptions(session, tuner, word)) {
    const result = await tuner.verify(subscription, {
      heal: flags.heal === true,
      signal: session.signal,
    })
    const sound = result.damages.length === 0
    session.output.emit({
      type: sound ? 'sound' : result.healed ? 'healed' : 'damaged',
      channel: subscription.name,
      release: result.release,
      files: result.files,
      damages: result.damages,
    })
    const verdict = sound
      ? `${result.files === 1 ? 'its' : 'all'} ${countText(result.files, 'file')} as published`
      : `${countText(result.damages.length, 'entry')} damaged${result.healed ? ', mended' : ''}`
    session.output.print(`${subscription.name}: release ${result.release}, ${verdict}.`)
    for (const damage of result.damages.slice(0, 50)) {
      session.output.print(`  ${damage.what.padEnd(8)} ${damage.path}`)
    }
    if (!sound && !result.healed) damaged = true
  }
  if (damaged) session.output.note('Mend with: longwave verify --heal')
  return damaged ? ExitCode.integrity : ExitCode.ok
}
