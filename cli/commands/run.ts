import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Command } from 'commander'
import {
  type ChannelAddress,
  ExitCode,
  limits,
  parseChannelAddress,
  parseDocument,
  SubscriptionDocument,
} from '../../protocol/index.ts'
import type { TunerOperations } from '../../tuner/index.ts'
import { cliError, reportFailure } from '../failure/index.ts'
import { countText } from '../output/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import {
  type BandwidthFlags,
  bandwidthOption,
  openTuner,
  printUpdate,
  showFetch,
  updateObject,
} from '../tuner-session.ts'

interface Flags extends BandwidthFlags {
  readonly into?: string
  readonly adopt?: boolean
}

const extension = '.longwave'

/** `longwave run FILE...` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('<file...>', `subscription files: NAME${extension}, saved from a channel's page`)
    .option('--into <dir>', 'the folder, for one file (default: the name of the file, beside it)')
    .option('--adopt', 'take over a folder that is not empty')
    .option(...bandwidthOption)
    .addHelpText(
      'after',
      `
Makes a folder an exact copy of what its publisher has now. The file says which channel; the first
run subscribes, every run updates. Local changes are saved first: longwave undo FOLDER brings them back.

Examples:
  longwave run ~/Desktop/price-list${extension}
  longwave run branch-*${extension} --json

Exit codes: 0 ok, 2 refused folder or file, 3 some files failed, 10 no such channel, 11 another
tuner runs, 13 signature or trust, 75 the server is away.`,
    )
    .action(run(runFiles))
}

async function runFiles(session: Session, files: readonly string[], flags: Flags): Promise<number> {
  if (flags.into !== undefined && files.length > 1) {
    throw cliError('LW_CLI_USAGE', { detail: '--into goes with one file.' })
  }
  const tuner = await openTuner(session, flags)
  let failures = 0
  let code: number = ExitCode.ok
  for (const file of files) {
    try {
      await runFile(session, { tuner, file, flags })
    } catch (error) {
      session.signal.throwIfAborted()
      if (files.length === 1) throw error
      failures++
      session.output.note(`${file}:`)
      code = reportFailure(session.output, error)
    }
  }
  return failures === 0 || failures === files.length ? code : ExitCode.partial
}

async function runFile(
  session: Session,
  job: { readonly tuner: TunerOperations; readonly file: string; readonly flags: Flags },
): Promise<void> {
  const { tuner, flags } = job
  const file = path.resolve(job.file)
  const address = await loadSubscriptionFile(file)
  const progress = session.progress()
  try {
    const result = await tuner.subscribe({
      address,
      into: { directory: folderOf(file, flags), adopt: flags.adopt === true, protect: [] },
      signal: session.signal,
      onProgress: showFetch(progress),
      onLocalChanges: (changes) => {
        session.output.note(`${countText(changes.length, 'local difference')}, saved for undo.`)
      },
    })
    progress.stop()
    session.output.emit({ ...updateObject(result), location: folderOf(file, flags) })
    printUpdate(session, result)
  } finally {
    progress.stop()
  }
}

/** @throws LW_CLI_USAGE when the file cannot be read or is none */
async function loadSubscriptionFile(file: string): Promise<ChannelAddress> {
  let document: SubscriptionDocument
  try {
    // What is opened by a double click may be anything.
    if ((await stat(file)).size > limits.subscriptionFileBytesMax) {
      throw cliError('LW_CLI_USAGE', { detail: `${file} is too large for a subscription file.` })
    }
    document = parseDocument(SubscriptionDocument, await readFile(file))
  } catch (cause) {
    throw cliError('LW_CLI_USAGE', {
      detail: `${file} is no subscription file.`,
      next: `Save one from the channel's page (CHANNEL_URL/subscription) as NAME${extension}.`,
      cause,
    })
  }
  return parseChannelAddress(`${document.url}#${document.channel}.${document.rootVersion}`)
}

function folderOf(file: string, { into }: Flags): string {
  if (into !== undefined) return path.resolve(into)
  const { dir, name, ext } = path.parse(file)
  if (ext === extension) return path.join(dir, name)
  throw cliError('LW_CLI_USAGE', {
    detail: `${file} does not end in ${extension}, so it names no folder.`,
    next: 'Say --into DIR.',
  })
}
