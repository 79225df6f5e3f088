import type { Command } from 'commander'
import { ChannelList, ExitCode, parseDocument } from '../../protocol/index.ts'
import { sizeText, tableText } from '../output/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'

/** `longwave channels URL` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('<url>', 'the URL of a transmitter')
    .addHelpText(
      'after',
      `
Examples:
  longwave channels http://127.0.0.1:5282/
  longwave channels https://dl.example.org/ --json

Exit codes: 0 ok, 75 the transmitter is away.`,
    )
    .action(run(channels))
}

const listBytesMax = 64 * 1024 * 1024

async function channels(session: Session, url: string): Promise<number> {
  const answer = await session.transport().fetchBytes(url.endsWith('/') ? url : `${url}/`, {
    headers: { accept: 'application/json' },
    bytesMax: listBytesMax,
    signal: session.signal,
  })
  const list = parseDocument(ChannelList, answer.bytes)
  for (const channel of list.channels) session.output.emit({ type: 'channel', ...channel })
  if (list.channels.length === 0) {
    session.output.print(`No channels at ${url}.`)
    return ExitCode.ok
  }
  const rows = list.channels.map((channel) => [
    channel.name,
    `${channel.release}${channel.label === undefined ? '' : ` (${channel.label})`}`,
    sizeText(channel.totalBytes),
    channel.published,
    channel.state === 'ended' ? 'ended' : (channel.title ?? ''),
    channel.link,
  ])
  session.output.print(
    tableText([['CHANNEL', 'RELEASE', 'SIZE', 'PUBLISHED', 'TITLE', 'SUBSCRIBE'], ...rows]),
  )
  return ExitCode.ok
}
