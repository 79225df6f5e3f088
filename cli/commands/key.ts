import { lstat, readFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { type Digest, ExitCode, isLongwaveError } from '../../protocol/index.ts'
import type { KeyChange, KeyChangeResult } from '../../publisher/index.ts'
import { nodeFileSystem, writeFileDurably } from '../../store/durable-files/index.ts'
import { cliError } from '../failure/index.ts'
import { wholeNumber } from '../options/index.ts'
import type { Runner } from '../program.ts'
import { openPublisher } from '../publisher-session.ts'
import type { Session } from '../session.ts'

type Role = 'root' | 'targets'

interface ChangeFlags {
  readonly role: Role
  readonly publicKey?: string
  readonly remove?: string
  readonly key?: string
  readonly threshold?: string
  readonly token?: string
}

/** `longwave key list|add|rotate|threshold|export|import` */
export function declare(command: Command, run: Runner): void {
  const role = (): Option =>
    new Option('--role <role>', 'root (recovery keys) or targets (publisher keys)')
      .choices(['root', 'targets'])
      .default('targets')
  command.addHelpText(
    'after',
    `
The recovery keys (root) decide who may publish; keep them off-line. The publisher keys (targets)
sign releases. LONGWAVE_PASSPHRASE encrypts new keys and opens encrypted ones.

Examples:
  longwave key list
  longwave key export http://127.0.0.1:5282/site site-recovery.bundle --role root
  longwave key rotate http://127.0.0.1:5282/site
  longwave key threshold http://127.0.0.1:5282/site 2 --role root
  longwave key import ci.bundle

Exit codes: 0 ok, 10 no such channel, 12 token refused, 13 keys missing or passphrase wrong.`,
  )
  command
    .command('list')
    .argument('[channel-url]', 'keys of one channel')
    .description('list the keys in this home')
    .action(run(list))
  command
    .command('add')
    .argument('<channel-url>')
    .addOption(role())
    .option('--public-key <hex>', "somebody else's public key instead of a new one")
    .option('--token <token>', 'publish token of the transmitter')
    .description('let one more key sign')
    .action(
      run((session, channel: string, flags: ChangeFlags) =>
        change(session, channel, flags, {
          kind: 'add',
          role: flags.role,
          ...(flags.publicKey === undefined ? {} : { publicKey: flags.publicKey }),
        }),
      ),
    )
  command
    .command('remove')
    .argument('<channel-url>')
    .argument('<key-id>')
    .addOption(role())
    .option('--token <token>', 'publish token of the transmitter')
    .description('take a key out of office')
    .action(
      run((session, channel: string, keyId: string, flags: ChangeFlags) =>
        change(session, channel, flags, { kind: 'remove', role: flags.role, keyId }),
      ),
    )
  command
    .command('rotate')
    .argument('<channel-url>')
    .addOption(role())
    .option('--key <key-id>', 'which key, when there are several')
    .option('--token <token>', 'publish token of the transmitter')
    .description('replace a key by a new one')
    .action(
      run((session, channel: string, flags: ChangeFlags) =>
        change(session, channel, flags, {
          kind: 'rotate',
          role: flags.role,
          ...(flags.key === undefined ? {} : { keyId: flags.key }),
        }),
      ),
    )
  command
    .command('threshold')
    .argument('<channel-url>')
    .argument('<count>', 'how many keys must sign')
    .addOption(role())
    .option('--token <token>', 'publish token of the transmitter')
    .description('set how many keys of a role must sign')
    .action(
      run((session, channel: string, count: string, flags: ChangeFlags) =>
        change(session, channel, flags, {
          kind: 'threshold',
          role: flags.role,
          threshold: wholeNumber('COUNT', count, 1, 16),
        }),
      ),
    )
  command
    .command('renew')
    .argument('<channel-url>')
    .option('--token <token>', 'publish token of the transmitter')
    .description('sign the newest release anew, before its signature expires')
    .action(
      run((session, channel: string, flags: ChangeFlags) =>
        change(session, channel, flags, { kind: 'renew' }),
      ),
    )
  command
    .command('export')
    .argument('<channel-url>')
    .argument(
      '<file>',
      'the file to write, for this user only; one that is there stays, unless --yes',
    )
    .addOption(role())
    .option('--all', 'both roles')
    .description('write keys to one file, for a backup or a build server')
    .action(run(exportKeys))
  command
    .command('import')
    .argument('<file>')
    .description('take over keys that were exported')
    .action(run(importKeys))
  command
    .command('forget')
    .argument('<channel-url>')
    .argument('<key-id>')
    .description('remove a key from this home, such as the recovery key after its export')
    .action(run(forget))
  command
    .command('sign')
    .argument('<file>', 'release metadata that wait for more signatures')
    .description("add this home's signatures where a threshold asks for several")
    .action(run(sign))
}

async function list(session: Session, channel: string | undefined): Promise<number> {
  const keys = await openPublisher(session).keys.list(channel)
  const rows: (readonly string[])[] = []
  for (const one of keys) {
    const of = 'name' in one.scope ? one.scope.name : one.scope.channelId
    session.output.emit({
      type: 'key',
      role: one.role,
      keyId: one.key.keyId,
      publicKey: one.key.hex,
      of,
      path: one.path,
      encrypted: one.isEncrypted,
    })
    rows.push([one.role, one.key.keyId.slice(0, 16), of.slice(0, 16), one.path])
  }
  if (rows.length === 0) session.output.print('No keys yet: the first publish makes them.')
  else session.output.printTable([['ROLE', 'KEY', 'CHANNEL', 'FILE'], ...rows])
  return ExitCode.ok
}

async function change(
  session: Session,
  channel: string,
  flags: ChangeFlags,
  wanted: KeyChange,
): Promise<number> {
  const result: KeyChangeResult = await openPublisher(session).keys.change(channel, wanted, {
    token: flags.token,
    signal: session.signal,
  })
  session.output.emit({ type: 'keys-changed', change: wanted.kind, ...result })
  for (const warning of result.warnings) session.output.note(`Warning: ${warning}`)
  session.output.print(
    `Root version ${result.rootVersion}, targets version ${result.targetsVersion}; release ${result.release} stays.`,
  )
  if (result.made !== undefined) {
    session.output.print(`  Made     ${result.made.keyId} in ${result.made.path}`)
  }
  for (const retired of result.retired) session.output.print(`  Retired  ${retired}`)
  return ExitCode.ok
}

async function exportKeys(
  session: Session,
  channel: string,
  file: string,
  flags: { readonly role: Role; readonly all?: boolean },
): Promise<number> {
  const passphrase = process.env['LONGWAVE_PASSPHRASE']
  const bundle = await openPublisher(session).keys.export(channel, {
    roles: flags.all === true ? ['root', 'targets'] : [flags.role],
    ...(passphrase === undefined ? {} : { passphrase, unlock: passphrase }),
  })
  if (!session.yes) await refuseExisting(file)
  await writeFileDurably(nodeFileSystem, file, bundle, { mode: 0o600 })
  session.output.emit({ type: 'exported', file })
  session.output.print(`Wrote ${file}. Who holds it can sign: keep it accordingly.`)
  return ExitCode.ok
}

/** Keys of another channel could be what lies there, and nobody could get them back. */
async function refuseExisting(file: string): Promise<void> {
  const isThere = await lstat(file).then(
    () => true,
    () => false,
  )
  if (!isThere) return
  throw cliError('LW_CLI_USAGE', {
    detail: `${file} is there already.`,
    untouched: 'Nothing was written.',
    next: 'Name another file, or replace it with --yes.',
  })
}

async function importKeys(session: Session, file: string): Promise<number> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(file)
  } catch (cause) {
    throw cliError('LW_CLI_USAGE', { detail: `${file} cannot be read.`, cause })
  }
  const passphrase = process.env['LONGWAVE_PASSPHRASE']
  const keys = await openPublisher(session)
    .keys.import(bytes, passphrase === undefined ? {} : { passphrase })
    .catch((cause: unknown) => {
      const isOther = isLongwaveError(cause) && /^LW_FORMAT_/.test(cause.code)
      if (!isOther) throw cause
      throw cliError('LW_CLI_USAGE', {
        detail: `${file} is no file of keys: ${cause.detail ?? cause.message}`,
        untouched: 'Nothing was imported.',
        next: 'Give one that longwave key export wrote.',
        cause,
      })
    })
  for (const one of keys) {
    session.output.emit({ type: 'imported', role: one.role, keyId: one.key.keyId, path: one.path })
    session.output.print(`${one.role} ${one.key.keyId} in ${one.path}`)
  }
  return ExitCode.ok
}

async function forget(session: Session, channel: string, keyId: string): Promise<number> {
  const removed = await openPublisher(session).keys.remove(channel, keyId as Digest)
  session.output.emit({ type: 'forgotten', keyId, removed })
  session.output.print(removed ? `Removed ${keyId} from this home.` : `No key ${keyId} here.`)
  return removed ? ExitCode.ok : ExitCode.notFound
}

async function sign(session: Session, file: string): Promise<number> {
  const result = await openPublisher(session).keys.sign(file)
  session.output.emit({ type: 'signed', file, ...result })
  session.output.print(
    `${file}: release ${result.release} has ${result.signatures} signatures now.`,
  )
  return ExitCode.ok
}
