import path from 'node:path'
import type { Command } from 'commander'
import { ExitCode } from '../../protocol/index.ts'
import { createProxy, proxyLimits } from '../../proxy/index.ts'
import { createLogger, parseListenAddress } from '../../serving/index.ts'
import { cliError } from '../failure/index.ts'
import { collect, wholeNumber } from '../options/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'

interface StartOptions {
  readonly origin?: string | readonly string[]
  readonly data?: string
  readonly listen: string
  readonly budget: string
  readonly connections: string
}

/** `longwave proxy …` */
export function declare(command: Command, run: Runner): void {
  command.addHelpText(
    'after',
    `
Examples:
  longwave proxy start --origin https://dl.example.org --listen 0.0.0.0:5283`,
  )
  command
    .command('start')
    .description('stand between tuners and transmitters; prints the URL as its first line')
    .option('--origin <url>', 'a transmitter that may be reached; repeatable', collect)
    .option('--data <dir>', 'where the cache lies (default: HOME/proxy)')
    .option('--listen <host:port>', 'where to listen; port 0 takes a free one', '127.0.0.1:5283')
    .option('--budget <size>', 'disk space of the cache, such as 500M or 20G', '20G')
    .option(
      '--connections <number>',
      'connections to one origin',
      String(proxyLimits.upstreamConnectionsDefault),
    )
    .addHelpText(
      'after',
      `
Only the listed origins are reached. Tuners use the proxy with:
  longwave subscribe --proxy http://PROXY:5283 'https://dl.example.org/app#CHANNEL-ID'
or with LONGWAVE_PROXY in their environment.

Examples:
  longwave proxy start --origin https://dl.example.org --listen 0.0.0.0:5283
  LONGWAVE_ORIGIN='https://a.example.org https://b.example.org' longwave proxy start

Exit codes: 0 stopped, 1 failed (port in use, no permission), 2 an origin is not a URL.`,
    )
    .action(run(start))
}

async function start(session: Session, options: StartOptions): Promise<number> {
  const origins = originsOf(options.origin)
  const proxy = createProxy({
    directory: options.data ?? path.join(session.home, 'proxy'),
    listen: parseListenAddress(options.listen),
    origins,
    budgetBytes: sizeOf('--budget', options.budget),
    upstreamConnectionsMax: wholeNumber(
      '--connections',
      options.connections,
      1,
      proxyLimits.upstreamConnectionsMax,
    ),
    proxyEnvironment: process.env,
    logger: createLogger({
      name: 'proxy',
      ...(session.output.quiet ? { level: 'warn' as const } : {}),
    }),
  })
  session.onEnd(() => proxy.stop())
  const url = await proxy.start()
  if (session.output.json) session.output.emit({ type: 'listening', url, origins })
  else process.stdout.write(`${url}\n`)
  if (origins.length === 0) {
    session.output.note('No origin is listed, so every request is refused: give --origin URL.')
  } else session.output.note(`Tuners use it with: longwave subscribe --proxy ${url} CHANNEL_URL`)
  await untilAborted(session.signal)
  return ExitCode.ok
}

/** One by one from the command line, a list from the configuration, or words from the environment. */
function originsOf(given: string | readonly string[] | undefined): readonly string[] {
  const list = given === undefined ? [] : typeof given === 'string' ? [given] : given
  return list.flatMap((text) => text.split(/[\s,]+/)).filter((text) => text !== '')
}

function sizeOf(option: string, text: string): number {
  const match = /^(\d{1,9})([KMGT]?)$/i.exec(text)
  if (match === null) {
    throw cliError('LW_CLI_USAGE', {
      detail: `${option} takes a size such as 500M or 20G, not ${JSON.stringify(text)}.`,
    })
  }
  return Number(match[1]) * 1024 ** ['', 'K', 'M', 'G', 'T'].indexOf((match[2] ?? '').toUpperCase())
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
