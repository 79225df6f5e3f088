import path from 'node:path'
import type { Command } from 'commander'
import { ExitCode, parseChannelAddress, parseChannelName } from '../../protocol/index.ts'
import { parseIndexAddress } from '../../tuner/index.ts'
import { collect } from '../options/index.ts'
import { countText } from '../output/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import {
  type BandwidthFlags,
  bandwidthOption,
  openTuner,
  printUpdate,
  scheduleWarning,
  showFetch,
  updateObject,
} from '../tuner-session.ts'

interface Flags extends BandwidthFlags {
  readonly into?: string
  readonly adopt?: boolean
  readonly protect?: readonly string[]
  readonly as?: string
  readonly schedule?: string
  readonly proxy?: string
  readonly readToken?: string
  readonly unsigned?: boolean
}

/** `longwave subscribe CHANNEL_URL` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('<channel-url>', 'the URL of a channel, with its fingerprint when you have it')
    .option('--into <dir>', 'keep this folder an exact copy, in place')
    .option('--adopt', 'with --into: take over a folder that is not empty')
    .option('--protect <glob>', 'with --into: local files to leave alone; repeatable', collect)
    .option('--as <name>', 'how to call it here')
    .option('--schedule <schedule>', "instead of the developer's schedule")
    .option(
      '--proxy <url>',
      'a Longwave proxy to go through; auto: the one that this site calls longwave-proxy',
    )
    .option(
      '--read-token <token>',
      'opens a closed channel; it is kept, and shown to its origin alone',
    )
    .option(...bandwidthOption)
    .option('--unsigned', 'the URL is that of a bare DRP index, for which only its server vouches')
    .addHelpText(
      'after',
      `
Examples:
  longwave subscribe 'https://dl.example.org/app#CHANNEL-ID'
  longwave subscribe https://dl.example.org/site --into ./public --protect 'local/**'
  longwave subscribe https://other.example.org/app --as other-app
  longwave subscribe https://www.example.org/tools/index.xml --unsigned
  LONGWAVE_READ_TOKEN=lwp_... longwave subscribe https://dl.example.org/members

A folder that is not empty is refused with what would change in it; --adopt takes it over then.

A read token opens a closed channel. Subscribing again with another one replaces it.

Exit codes: 0 ok, 2 refused folder, name or token, 10 no such channel, 11 another tuner runs,
12 the channel is closed and the token does not open it, 13 signature or trust, 75 the server is
away or the disk is full.`,
    )
    .action(run(subscribe))
}

async function subscribe(session: Session, link: string, flags: Flags): Promise<number> {
  const isUnsigned = flags.unsigned === true
  const address = isUnsigned ? parseIndexAddress(link) : parseChannelAddress(link)
  if (flags.as !== undefined) parseChannelName(flags.as)
  const tuner = await openTuner(session, flags)
  const progress = session.progress()
  try {
    const result = await tuner.subscribe({
      address,
      ...(flags.as === undefined ? {} : { as: flags.as }),
      ...(flags.into === undefined
        ? {}
        : {
            into: {
              directory: path.resolve(flags.into),
              adopt: flags.adopt === true,
              protect: flags.protect ?? [],
            },
          }),
      ...(flags.schedule === undefined ? {} : { schedule: flags.schedule }),
      ...(flags.proxy === undefined ? {} : { proxy: flags.proxy }),
      ...(flags.readToken === undefined ? {} : { token: flags.readToken }),
      ...(isUnsigned ? { unsigned: true } : {}),
      signal: session.signal,
      onProgress: showFetch(progress),
      onLocalChanges: (changes) => {
        session.output.note(`${countText(changes.length, 'local difference')}, saved for undo.`)
      },
    })
    progress.stop()
    const view = await tuner.describe(result.subscription)
    session.output.emit({
      ...updateObject(result),
      type: 'subscribed',
      location: view.location,
      channelId: result.subscription.channel,
    })
    printUpdate(session, result)
    session.output.print(`  Files at   ${view.location}`)
    const warning = scheduleWarning(view.schedule)
    if (warning !== undefined) session.output.note(`Warning: ${warning}`)
    return ExitCode.ok
  } finally {
    progress.stop()
  }
}
