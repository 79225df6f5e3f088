import type { Command } from 'commander'
import path from 'node:path'
import { ExitCode } from '../../protocol/index.ts'
import { createLogger, parseListenAddress } from '../../serving/index.ts'
import { createTransmitter } from '../../transmitter/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'

interface StartOptions {
  readonly data?: string
  readonly listen: string
  readonly publicUrl?: string
}

/** `longwave transmitter …` */
export function declare(command: Command, run: Runner): void {
  command
    .command('start')
    .description('serve channels until SIGTERM or SIGINT; prints the URL as its first line')
    .option('--data <dir>', 'where channels are kept (default: HOME/transmitter)')
    .option('--listen <host:port>', 'where to listen; port 0 takes a free one', '127.0.0.1:5282')
    .option('--public-url <url>', 'the URL that links carry')
    .addHelpText(
      'after',
      `
Examples:
  longwave transmitter start
  longwave transmitter start --listen 127.0.0.1:0
  longwave transmitter start --data /srv/longwave --listen 0.0.0.0:5282 --public-url https://dl.example.org

Exit codes: 0 stopped, 1 failed (port in use, no permission), 11 another one uses the data.`,
    )
    .action(run(start))
}

async function start(session: Session, options: StartOptions): Promise<number> {
  const transmitter = createTransmitter({
    directory: options.data ?? path.join(session.home, 'transmitter'),
    listen: parseListenAddress(options.listen),
    ...(options.publicUrl === undefined ? {} : { publicUrl: options.publicUrl.replace(/\/$/, '') }),
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

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
