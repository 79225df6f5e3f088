import path from 'node:path'
import { type Command, Option } from 'commander'
import { ExitCode } from '../../../protocol/index.ts'
import {
  createPublishToken,
  listPublishTokens,
  type PublishToken,
  revokePublishToken,
} from '../../../transmitter/index.ts'
import { durationSeconds } from '../../options/index.ts'
import type { Runner } from '../../program.ts'
import type { Session } from '../../session.ts'

interface Flags {
  readonly data?: string
  readonly channels: string
  readonly for: 'publish' | 'read'
  readonly note?: string
  readonly expires?: string
}

const dataOption = ['--data <dir>', 'where channels are kept (default: HOME/transmitter)'] as const

/** `token add|list|revoke`: who may publish to this transmitter from elsewhere. */
export function declareTokens(command: Command, run: Runner): void {
  const token = command
    .command('token')
    .description('tokens: who may publish here from elsewhere, and who may read closed channels')
    .addHelpText(
      'after',
      `
A token is shown once, when it is made; running transmitters take it at once. A publisher gives it
with --token or LONGWAVE_TOKEN. One for reading opens closed channels and publishes nothing:
longwave subscribe --read-token, or LONGWAVE_READ_TOKEN.

Examples:
  longwave ${command.name()} token add --channels 'app*' --note 'build server' --expires 90d
  longwave ${command.name()} token add --for read --channels members --note 'Ann'
  longwave ${command.name()} token list
  longwave ${command.name()} token revoke TOKEN-ID

Exit codes: 0 ok, 2 refused channels, note or time, 10 no such token or no data there.`,
    )
  token
    .command('add')
    .description('make a token; its only appearance is on standard output')
    .option(...dataOption)
    .option('--channels <pattern>', 'a name, a prefix followed by *, or * for all', '*')
    .addOption(
      new Option('--for <what>', 'what it opens').choices(['publish', 'read']).default('publish'),
    )
    .option('--note <text>', 'what it is for')
    .option('--expires <duration>', 'how long it opens, such as 90d; for good without')
    .action(run(add))
  token
    .command('list')
    .description('list tokens, never their secrets')
    .option(...dataOption)
    .action(run(list))
  token
    .command('revoke')
    .argument('<token-id>')
    .description('end a token')
    .option(...dataOption)
    .action(run(revoke))
}

async function add(session: Session, flags: Flags): Promise<number> {
  const made = await createPublishToken({
    directory: dataFolder(session, flags),
    scope: flags.for,
    channels: flags.channels,
    ...(flags.note === undefined ? {} : { note: flags.note }),
    ...(flags.expires === undefined
      ? {}
      : { expiresAtMs: Date.now() + durationSeconds('--expires', flags.expires) * 1000 }),
  })
  session.output.emit({ type: 'token', ...tokenObject(made), token: made.token })
  session.output.print(made.token)
  session.output.note(`Its id is ${made.id}; it is not shown again.`)
  return ExitCode.ok
}

async function list(session: Session, flags: Flags): Promise<number> {
  const tokens = await listPublishTokens({ directory: dataFolder(session, flags) })
  for (const one of tokens) session.output.emit({ type: 'token', ...tokenObject(one) })
  const rows = tokens.map((one) => {
    const { id, scope, channels, created, expires = 'never', note = '' } = tokenObject(one)
    return [id, scope, channels, created, expires, note]
  })
  if (rows.length > 0) {
    session.output.printTable([['ID', 'FOR', 'CHANNELS', 'MADE', 'EXPIRES', 'NOTE'], ...rows])
  } else session.output.print('No tokens: only publishers on this machine may publish.')
  return ExitCode.ok
}

async function revoke(session: Session, id: string, flags: Flags): Promise<number> {
  const revoked = await revokePublishToken({ directory: dataFolder(session, flags), id })
  session.output.emit({ type: 'revoked', id, revoked })
  session.output.print(revoked ? `Token ${id} opens nothing any more.` : `There is no token ${id}.`)
  return revoked ? ExitCode.ok : ExitCode.notFound
}

function tokenObject(token: PublishToken) {
  return {
    id: token.id,
    scope: token.scope,
    channels: token.channels,
    created: new Date(token.createdAtMs).toISOString(),
    ...(token.expiresAtMs === undefined
      ? {}
      : { expires: new Date(token.expiresAtMs).toISOString() }),
    ...(token.note === undefined ? {} : { note: token.note }),
  }
}

function dataFolder(session: Session, flags: Flags): string {
  return path.resolve(flags.data ?? path.join(session.home, 'transmitter'))
}
