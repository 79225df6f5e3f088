import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Command } from 'commander'
import { ExitCode } from '../../protocol/index.ts'
import { createLogger, parseListenAddress } from '../../serving/index.ts'
import { createTransmitter } from '../../transmitter/index.ts'
import { cliError } from '../failure/index.ts'
import { collect, wholeNumber } from '../options/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'
import { untilAborted } from '../until-aborted.ts'
import { declareMaintenance } from './transmitter/index.ts'
import { declarePlugins } from './plugins/index.ts'
import { declareTokens } from './tokens/index.ts'

interface StartOptions {
  readonly data?: string
  readonly listen: string
  readonly publicUrl?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly trustedProxy?: readonly string[]
  readonly retain?: string
}

/** `longwave transmitter start|fsck|gc|backup|restore|token` */
export function declare(command: Command, run: Runner): void {
  command.addHelpText(
    'after',
    `
Examples:
  longwave transmitter start                       serve; prints the URL
  longwave transmitter backup /backup/longwave
  longwave transmitter token add --channels 'app*' --note 'build server'

Everything about one of them: longwave transmitter start --help`,
  )
  command
    .command('start')
    .description('serve channels until SIGTERM or SIGINT; prints the URL as its first line')
    .option('--data <dir>', 'where channels are kept (default: HOME/transmitter)')
    .option('--listen <host:port>', 'where to listen; port 0 takes a free one', '127.0.0.1:5282')
    .option('--public-url <url>', 'the URL that links carry')
    .option('--tls-cert <file>', 'certificate chain (PEM): speak HTTPS')
    .option('--tls-key <file>', 'its private key (PEM)')
    .option(
      '--trusted-proxy <address>',
      'address or subnet whose forwarded headers are believed; repeatable',
      collect,
    )
    .option('--retain <releases>', 'how many releases of a channel stay retained')
    .addHelpText(
      'after',
      `
Examples:
  longwave transmitter start
  longwave transmitter start --listen 127.0.0.1:0
  longwave transmitter start --listen 0.0.0.0:5282 --public-url https://dl.example.org
  longwave transmitter start --listen 0.0.0.0:443 --tls-cert chain.pem --tls-key key.pem

Several may serve one --data folder, each on its own port.

Exit codes: 0 stopped, 1 failed (port in use), 11 maintenance or too many others use the data,
12 no permission, 13 damaged or lost records.`,
    )
    .action(run(start))
  declareMaintenance(command, run)
  declareTokens(command, run)
  declarePlugins(command, run)
}

async function start(session: Session, options: StartOptions): Promise<number> {
  const tls = await loadTls(options)
  const transmitter = createTransmitter({
    directory: path.resolve(options.data ?? path.join(session.home, 'transmitter')),
    listen: parseListenAddress(options.listen),
    ...(options.publicUrl === undefined ? {} : { publicUrl: publicUrlOf(options.publicUrl) }),
    ...(tls === undefined ? {} : { tls }),
    ...(options.trustedProxy === undefined ? {} : { trustedProxies: options.trustedProxy }),
    ...(options.retain === undefined
      ? {}
      : { retainedReleases: wholeNumber('--retain', options.retain, 1, 10_000) }),
    logger: createLogger({
      name: 'transmitter',
      ...(session.output.quiet ? { level: 'warn' as const } : {}),
    }),
  })
  session.onEnd(() => transmitter.stop())
  const url = await transmitter.start()
  if (session.output.json) session.output.emit({ type: 'listening', url })
  else process.stdout.write(`${url}\n`)
  session.output.note(`Publish with: longwave publish DIR ${url}/NAME`)
  await untilAborted(session.signal)
  return ExitCode.ok
}

async function loadTls(options: StartOptions) {
  const { tlsCert, tlsKey } = options
  if (tlsCert === undefined && tlsKey === undefined) return undefined
  if (tlsCert === undefined || tlsKey === undefined) {
    throw cliError('LW_CLI_USAGE', { detail: '--tls-cert and --tls-key go together.' })
  }
  const [certificate, key] = await Promise.all([
    loadPem('--tls-cert', tlsCert),
    loadPem('--tls-key', tlsKey),
  ])
  return { certificate, key }
}

async function loadPem(option: string, file: string): Promise<string> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw cliError('LW_CLI_USAGE', { detail: `${option}: ${file} cannot be read.`, cause })
  }
  if (text.includes('-----BEGIN ')) return text
  throw cliError('LW_CLI_USAGE', { detail: `${option}: ${file} is not PEM.` })
}

function publicUrlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '') {
    return text.replace(/\/+$/, '')
  }
  throw cliError('LW_CLI_USAGE', {
    detail: `--public-url takes a URL such as https://dl.example.org, not ${JSON.stringify(text)}.`,
  })
}
