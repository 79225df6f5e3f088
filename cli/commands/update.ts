import type { Command } from 'commander'
import { ExitCode } from '../../protocol/index.ts'
import type { Subscription, UpdateOutcome } from '../../tuner/index.ts'
import { sumOf } from '../each-subscription.ts'
import { reportFailure } from '../failure/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import {
  type BandwidthFlags,
  bandwidthOption,
  openTuner,
  printUpdate,
  selectSubscriptions,
  showFetch,
  updateObject,
} from '../tuner-session.ts'

interface Flags extends BandwidthFlags {
  readonly check?: boolean
  readonly exitCode?: boolean
}

/** `longwave update [CHANNEL...]` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('[channel...]', 'names, URLs or folders; all subscriptions without')
    .option('--check', 'only ask, change nothing')
    .option(...bandwidthOption)
    .option('--exit-code', 'exit 4 when there was nothing to do')
    .addHelpText(
      'after',
      `
Files of a copy that were deleted or altered are mended, also when there is no new release. Naming a
channel lifts the hold that undo set, and mirrors local changes of a synchronized folder away.

Examples:
  longwave update
  longwave update app --check --exit-code
  longwave update --bandwidth 500K
  longwave update --json

Exit codes: 0 ok, 3 some failed, 4 nothing to do (--exit-code), 10 no such subscription,
11 another tuner runs, 13 signature, hash or trust, 75 the server is away.`,
    )
    .action(run(update))
}

async function update(session: Session, words: readonly string[], flags: Flags): Promise<number> {
  const tuner = await openTuner(session, flags)
  const chosen = new Map<string, Subscription>()
  for (const word of words.length === 0 ? [undefined] : words) {
    for (const one of await selectSubscriptions(session, tuner, word)) chosen.set(one.id, one)
  }
  const progress = session.progress()
  const codes: number[] = []
  let worked = 0
  const onOutcome = (outcome: UpdateOutcome): void => {
    progress.stop()
    if (outcome.ok) {
      session.output.emit(updateObject(outcome.result))
      printUpdate(session, outcome.result)
      if (!['unchanged', 'held', 'paused', 'ended', 'waiting'].includes(outcome.result.outcome))
        worked++
    } else {
      fail(outcome.subscription.name, outcome.error)
    }
  }
  const fail = (name: string, error: unknown): void => {
    session.output.note(`${name}:`)
    codes.push(reportFailure(session.output, error))
  }
  try {
    await tuner.update([...chosen.values()], {
      check: flags.check === true,
      // Without names it is what a schedule would do, at once: holds and pauses count.
      scheduled: words.length === 0 && flags.check !== true,
      mend: true,
      signal: session.signal,
      onProgress: showFetch(progress),
      onOutcome,
    })
  } finally {
    progress.stop()
  }
  const damaged = words.length === 0 ? await tuner.damaged() : []
  for (const { id, error } of damaged) fail(id, error)
  if (codes.length > 0) return sumOf(codes, chosen.size + damaged.length)
  return worked === 0 && flags.exitCode === true ? ExitCode.nothingToDo : ExitCode.ok
}
