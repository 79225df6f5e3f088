import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Command } from 'commander'
import { ExitCode, isChannelName, isDigest, repeaterBase } from '../../protocol/index.ts'
import { createRepeater, type WantedChannel } from '../../repeater/index.ts'
import { createLogger, parseListenAddress } from '../../serving/index.ts'
import { createRepeaterToken } from '../../transmitter/index.ts'
import { cliError } from '../failure/index.ts'
import { collect } from '../options/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { untilAborted } from '../until-aborted.ts'

interface StartOptions {
  readonly origin: string
  readonly channel?: readonly string[]
  readonly publicUrl?: string
  readonly listen: string
  readonly data?: string
  readonly token?: string
}

interface TokenOptions {
  readonly data?: string
  readonly channels: string
  readonly note?: string
}

/** `longwave repeater start|token` */
export function declare(command: Command, run: Runner): void {
  command.addHelpText(
    'after',
    `
Examples:
  longwave repeater token --note eu                on the origin
  longwave repeater start --origin https://dl.example.org --public-url https://eu.example.org`,
  )
  command
    .command('start')
    .description('mirror channels of an origin and serve them; prints the URL as its first line')
    .requiredOption('--origin <url>', 'the transmitter whose channels are mirrored')
    .option(
      '--channel <name[#id]>',
      'a channel to mirror, with its channel id to pin it; repeatable (default: all)',
      collect,
    )
    .option('--public-url <url>', 'the URL under which publishers list this repeater')
    .option('--listen <host:port>', 'where to listen; port 0 takes a free one', '127.0.0.1:5283')
    .option('--data <dir>', 'where releases are kept (default: HOME/repeater)')
    .option('--token <token>', 'what "longwave repeater token" printed on the origin')
    .addHelpText(
      'after',
      `
Examples:
  longwave repeater start --origin https://dl.example.org --public-url https://eu.example.org
  longwave repeater start --origin http://127.0.0.1:5282 --listen 127.0.0.1:0
  longwave publish ./site https://dl.example.org/site --repeater https://eu.example.org=+01:00

Without a token it is a mirror that compares every half minute; with one it hears of changes at
once, publishers can wait for it, and closed channels are mirrored, too.
Exit codes: 0 stopped, 1 failed (port in use), 2 wrong options, 11 another one uses the data.`,
    )
    .action(run(start))
  command
    .command('token')
    .description('on the origin: make a token for a repeater; it publishes nothing')
    .option('--data <dir>', "the transmitter's data (default: HOME/transmitter)")
    .option('--channels <pattern>', 'a name, a prefix followed by *, or * for all', '*')
    .option('--note <text>', 'what the token is for')
    .action(run(token))
}

async function start(session: Session, options: StartOptions): Promise<number> {
  const origin = urlOption('--origin', options.origin)
  const repeater = createRepeater({
    directory: path.resolve(options.data ?? path.join(session.home, 'repeater')),
    origin,
    transport: session.transport(),
    listen: parseListenAddress(options.listen),
    ...(options.channel === undefined ? {} : { channels: options.channel.map(parseChannel) }),
    ...(options.publicUrl === undefined
      ? {}
      : { publicUrl: urlOption('--public-url', options.publicUrl) }),
    token: options.token ?? (await ownToken(session, origin)),
    logger: createLogger({
      name: 'repeater',
      ...(session.output.quiet ? { level: 'warn' as const } : {}),
    }),
  })
  session.onEnd(() => repeater.stop())
  const url = await repeater.start()
  if (session.output.json) session.output.emit({ type: 'listening', url, origin })
  else process.stdout.write(`${url}\n`)
  const listed = options.publicUrl ?? url
  session.output.note(`List it with: longwave publish DIR ${origin}/NAME --repeater ${listed}`)
  await untilAborted(session.signal)
  return ExitCode.ok
}

async function token(session: Session, options: TokenOptions): Promise<number> {
  const made = await createRepeaterToken({
    directory: path.resolve(options.data ?? path.join(session.home, 'transmitter')),
    channels: options.channels,
    ...(options.note === undefined ? {} : { note: options.note }),
  })
  session.output.emit({ type: 'token', id: made.id, channels: made.channels, token: made.token })
  session.output.print(made.token)
  session.output.note('It is shown this once. On the repeater: --token, or LONGWAVE_TOKEN.')
  return ExitCode.ok
}

function urlOption(option: string, text: string): string {
  const url = repeaterBase(text)
  if (url !== undefined) return url
  throw cliError('LW_CLI_USAGE', {
    detail: `${option} takes a URL such as https://dl.example.org, not ${JSON.stringify(text)}.`,
  })
}

function parseChannel(text: string): WantedChannel {
  const [name, channelId, ...rest] = text.split('#')
  const isPinned = channelId !== undefined
  if (isChannelName(name) && rest.length === 0) {
    if (!isPinned) return { name, channelId: undefined }
    if (isDigest(channelId)) return { name, channelId }
  }
  throw cliError('LW_CLI_USAGE', {
    detail: `--channel takes NAME or NAME#CHANNEL-ID, not ${JSON.stringify(text)}.`,
  })
}

/** A repeater beside a transmitter of the same home finds its token as a publisher does. */
async function ownToken(session: Session, origin: string): Promise<string | undefined> {
  if (!['127.0.0.1', '[::1]', 'localhost'].includes(new URL(origin).hostname)) return undefined
  const file = path.join(session.home, 'transmitter', 'publish-token')
  const text = await readFile(file, 'utf8').catch(() => undefined)
  return text?.trim()
}
