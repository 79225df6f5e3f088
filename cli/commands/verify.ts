import type { Command } from 'commander'
import { ExitCode } from '../../protocol/index.ts'
import type { VerifyResult } from '../../tuner/index.ts'
import { eachSubscription } from '../each-subscription.ts'
import { countText } from '../output/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { openTuner } from '../tuner-session.ts'

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

Exit codes: 0 every file is as published (or was mended), 3 some could not be looked at, 10 no such subscription, 13 damaged.`,
    )
    .action(run(verify))
}

async function verify(
  session: Session,
  word: string | undefined,
  flags: { readonly heal?: boolean },
): Promise<number> {
  const tuner = await openTuner(session)
  let isDamaged = false
  const code = await eachSubscription(session, {
    tuner,
    word,
    async work(subscription) {
      const result = await tuner.verify(subscription, {
        heal: flags.heal === true,
        signal: session.signal,
      })
      show(session, result)
      if (result.damages.length === 0 || result.healed) return ExitCode.ok
      isDamaged = true
      return ExitCode.integrity
    },
  })
  if (isDamaged) session.output.note('Mend with: longwave verify --heal')
  // Damage is the answer that was asked for: it is not "partly done" because others are sound.
  return isDamaged ? ExitCode.integrity : code
}

function show({ output }: Session, result: VerifyResult): void {
  const { subscription, release, files, damages, healed } = result
  const isSound = damages.length === 0
  output.emit({
    type: healed ? 'healed' : isSound ? 'sound' : 'damaged',
    channel: subscription.name,
    release,
    files,
    damages,
    ...(result.isRefetched === true ? { isRefetched: true } : {}),
  })
  const again = result.isRefetched === true ? 'fetched again since its records were damaged; ' : ''
  const verdict = isSound
    ? `${files === 1 ? 'its' : 'all'} ${countText(files, 'file')} as published`
    : `${countText(damages.length, 'entry')} damaged${healed ? ', mended' : ''}`
  output.print(`${subscription.name}: release ${release}, ${again}${verdict}.`)
  for (const damage of damages.slice(0, 50)) {
    output.print(`  ${damage.what.padEnd(8)} ${damage.path}`)
  }
}
