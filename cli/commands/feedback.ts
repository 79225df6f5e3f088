import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import type { Command } from 'commander'
import { ExitCode, parseChannelAddress } from '../../protocol/index.ts'
import { findPublishToken, isLocal } from '../../publisher/index.ts'
import { nodeFileSystem } from '../../store/durable-files/index.ts'
import { cliError } from '../failure/index.ts'
import { wholeNumber } from '../options/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { openTuner } from '../tuner-session.ts'

/** Entries and bytes of one page of an export. */
const pageEntries = 200
const pageBytesMax = 32 * 1024 * 1024

interface Flags {
  readonly file?: string
  readonly type?: string
  readonly export?: boolean
  readonly after?: string
  readonly token?: string
}

/** `longwave feedback CHANNEL [TEXT | --file F]`, `longwave feedback --export CHANNEL_URL` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('<channel>', 'a subscription; with --export the CHANNEL_URL')
    .argument('[text]', 'what to tell the channel; standard input without text and --file')
    .option('--file <file>', 'send the bytes of a file')
    .option('--type <type>', 'media type of the data (default: text/plain)')
    .option('--export', "print a channel's log of feedback as NDJSON (needs a publish token)")
    .option('--after <position>', 'with --export: only what came behind this position')
    .option('--token <token>', 'with --export: publish token of the transmitter')
    .addHelpText(
      'after',
      `
Feedback is kept until the next update and travels with it.

Examples:
  longwave feedback app 'the new menu is fine'
  longwave feedback app --file report.json --type application/json
  longwave feedback --export https://dl.example.org/app --after 1200 > feedback.ndjson

Exit codes: 0 kept, 2 too large, 10 no such subscription, 12 token refused, 75 the queue is full.`,
    )
    .action(run(feedback))
}

async function feedback(
  session: Session,
  channel: string,
  text: string | undefined,
  flags: Flags,
): Promise<number> {
  if (flags.export === true) return exportLog(session, channel, flags)
  const data = await dataOf(text, flags)
  const tuner = await openTuner(session)
  const [subscription] = await tuner.select(channel)
  if (subscription === undefined) {
    throw cliError('LW_CLI_USAGE', { detail: 'Name one subscription.' })
  }
  const type = flags.type ?? (flags.file === undefined ? 'text/plain' : 'application/octet-stream')
  const waiting = await tuner.appendFeedback(subscription, { data, type })
  session.output.emit({ type: 'feedback', channel: subscription.name, ...waiting })
  session.output.print(
    `${subscription.name}: kept; ${waiting.entries} ${waiting.entries === 1 ? 'entry waits' : 'entries wait'} for the next update.`,
  )
  return ExitCode.ok
}

async function dataOf(text: string | undefined, flags: Flags): Promise<Uint8Array> {
  if (text !== undefined && flags.file !== undefined) {
    throw cliError('LW_CLI_USAGE', { detail: 'TEXT and --file exclude each other.' })
  }
  if (text !== undefined) return Buffer.from(text)
  try {
    return flags.file === undefined ? await buffer(process.stdin) : await readFile(flags.file)
  } catch (cause) {
    throw cliError('LW_CLI_USAGE', { detail: `${flags.file ?? 'stdin'} cannot be read.`, cause })
  }
}

/** Page by page, so that a broken connection costs one page. */
async function exportLog(session: Session, channel: string, flags: Flags): Promise<number> {
  const address = parseChannelAddress(channel)
  const { base, name } = address
  const transport = session.transport()
  const { token } = await findPublishToken({
    token: flags.token,
    environment: process.env,
    home: session.home,
    local: isLocal(address),
    fileSystem: nodeFileSystem,
  })
  let after =
    flags.after === undefined ? 0 : wholeNumber('--after', flags.after, 0, Number.MAX_SAFE_INTEGER)
  for (;;) {
    const page = await transport.fetchBytes(
      `${base}-/admin/feedback/${name}?after=${after}&limit=${pageEntries}`,
      { authorization: `Bearer ${token}`, bytesMax: pageBytesMax, signal: session.signal },
    )
    if (page.bytes.byteLength === 0) return ExitCode.ok
    await writeOut(page.bytes)
    const last = page.bytes.toString('utf8').trimEnd().split('\n').at(-1) ?? ''
    after = (JSON.parse(last) as { readonly position: number }).position
  }
}

function writeOut(chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(chunk, (error) => {
      if (error instanceof Error) reject(error)
      else resolve()
    })
  })
}
