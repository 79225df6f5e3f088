import type { Command } from 'commander'
import {
  ChannelList,
  type ChannelListing,
  ExitCode,
  isReadToken,
  parseDigest,
  parseDocument,
  staticListingFile,
  subscribeLink,
} from '../../protocol/index.ts'
import { cliError } from '../failure/index.ts'
import { sizeText } from '../output/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'

/** `longwave channels URL` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('<url>', 'the URL of a transmitter, or of the folder that publish --out wrote')
    .option('--read-token <token>', 'lists closed channels as well that this token opens')
    .addHelpText(
      'after',
      `
Examples:
  longwave channels http://127.0.0.1:5282/
  longwave channels https://dl.example.org/ --json
  LONGWAVE_READ_TOKEN=lwp_... longwave channels https://dl.example.org/

Exit codes: 0 ok, 1 what answers there is neither, 2 no URL or token, 75 the server is away.`,
    )
    .action(run(channels))
}

const listBytesMax = 64 * 1024 * 1024

async function channels(
  session: Session,
  url: string,
  flags: { readonly readToken?: string },
): Promise<number> {
  const list = await fetchList(session, url, flags.readToken)
  for (const channel of list.channels) session.output.emit({ type: 'channel', ...channel })
  if (list.channels.length === 0) {
    session.output.print(`No channels at ${url}.`)
    return ExitCode.ok
  }
  const hasEnded = list.channels.some((channel) => channel.state === 'ended')
  const rows = list.channels.map((channel) => [
    channel.name,
    `${channel.release}${channel.label === undefined ? '' : ` (${channel.label})`}`,
    sizeText(channel.totalBytes),
    channel.published,
    ...(hasEnded ? [channel.state] : []),
    channel.title ?? '',
    channel.link,
  ])
  session.output.printTable([
    [
      'CHANNEL',
      'RELEASE',
      'SIZE',
      'PUBLISHED',
      ...(hasEnded ? ['STATE'] : []),
      'TITLE',
      'SUBSCRIBE',
    ],
    ...rows,
  ])
  return ExitCode.ok
}

/**
 * A transmitter answers its root with the list; below a web server the list is a file.
 * @throws LW_CLI_USAGE, LW_CLI_NO_SERVER, LW_TRANSFER_…
 */
async function fetchList(
  session: Session,
  url: string,
  token: string | undefined,
): Promise<ChannelList> {
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw cliError('LW_CLI_USAGE', {
      detail: `URL is such as http://127.0.0.1:5282/, not ${JSON.stringify(url)}.`,
    })
  }
  if (token !== undefined && !isReadToken(token)) {
    throw cliError('LW_CLI_USAGE', {
      detail: 'TOKEN is one word, as the transmitter printed it.',
    })
  }
  const root = url.endsWith('/') ? url : `${url}/`
  const transport = session.transport()
  const ask = {
    headers: { accept: 'application/json' },
    bytesMax: listBytesMax,
    acceptStatus: [403, 404],
    signal: session.signal,
  }
  const answer = await transport.fetchBytes(root, {
    ...ask,
    // It is for this very address.
    ...(token === undefined ? {} : { authorization: `Bearer ${token}`, mayRedirect: false }),
  })
  const isList = answer.status === 200 && /\bjson\b/.test(answer.headers['content-type'] ?? '')
  if (isList) return parseDocument(ChannelList, answer.bytes)
  const file = new URL(staticListingFile, root)
  const listed = await transport.fetchBytes(file, ask)
  if (listed.status !== 200) {
    throw cliError('LW_CLI_NO_SERVER', {
      detail: `${root} is no transmitter, and there is no ${file}.`,
      next: 'Give the URL under which the transmitter, or the folder of publish --out, is served.',
    })
  }
  const list = parseDocument(ChannelList, listed.bytes)
  return { ...list, channels: list.channels.map((channel) => resolved(channel, root)) }
}

/** A publisher that was not told the public URL writes addresses relative to the list. */
function resolved(channel: ChannelListing, root: string): ChannelListing {
  const url = new URL(channel.url, root).href
  const link = channel.link === '' ? subscribeLink(url, parseDigest(channel.channel)) : channel.link
  return { ...channel, url, link }
}
