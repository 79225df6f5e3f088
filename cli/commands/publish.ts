import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { type Command, Option } from 'commander'
import { ExitCode } from '../../protocol/index.ts'
import {
  parseRepeater,
  type PublishProgress,
  type PublishSummary,
  type StaticSummary,
} from '../../publisher/index.ts'
import { cliError } from '../failure/index.ts'
import { collect, durationSeconds, wholeNumber } from '../options/index.ts'
import { countText, durationText, type Progress, shareText, sizeText } from '../output/index.ts'
import type { Runner } from '../program.ts'
import { openPublisher } from '../publisher-session.ts'
import type { Session } from '../session.ts'

interface Flags {
  readonly label?: string
  readonly title?: string
  readonly description?: string
  readonly category?: string
  readonly schedule?: string
  readonly ignore?: readonly string[]
  readonly repeater?: readonly string[]
  readonly assign?: 'round-robin' | 'time-zone'
  readonly kind?: string
  readonly main?: string
  readonly plugin?: string
  readonly pluginPath?: readonly string[]
  readonly trusted?: boolean
  readonly portable?: boolean
  readonly access?: 'open' | 'closed'
  readonly rollout?: string
  readonly wait?: string
  readonly dryRun?: boolean
  readonly token?: string
  readonly out?: string
  readonly refresh?: boolean
  readonly publicUrl?: string
  readonly force?: boolean
  readonly exitCode?: boolean
  readonly minimum?: string
}

/** `longwave publish DIR CHANNEL_URL`, `longwave publish DIR NAME --out WWW` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('<dir>', 'the base directory')
    .argument('<channel>', 'CHANNEL_URL, or with --out the channel NAME')
    .option('--label <label>', 'a version for people, such as 2.4.1')
    .option('--title <title>', 'title of the channel; none clears it')
    .option('--description <text>', 'what the channel is; none clears it')
    .option('--category <text>', 'category in listings; none clears it')
    .option('--schedule <schedule>', 'when tuners look, such as "every 1 hour"')
    .option('--ignore <glob>', 'leave out, in .gitignore syntax; repeatable', collect)
    .option('--repeater <url[=zone]>', 'a repeater, with its UTC offset; repeatable', collect)
    .addOption(
      new Option('--assign <policy>', 'how repeaters are assigned').choices([
        'round-robin',
        'time-zone',
      ]),
    )
    .addOption(
      new Option('--kind <kind>', 'what the channel holds').choices([
        'files',
        'html',
        'application',
      ]),
    )
    .option('--main <path>', 'the page or command that launch opens')
    .option('--plugin <file>', 'ES module that answers update requests; none removes it')
    .option(
      '--plugin-path <prefix>',
      'path prefix that the plug-in may overlay; repeatable',
      collect,
    )
    .option('--trusted', 'the channel needs a trust decision by the user')
    .option('--portable', 'refuse names that Windows cannot take')
    .addOption(new Option('--access <access>', 'who may read').choices(['open', 'closed']))
    .option('--rollout <duration>', 'let tuners in over this time, such as 24h')
    .option('--wait <seconds>', 'how long the switch waits for repeaters')
    .option('--minimum <release>', 'the lowest release that undo may reach')
    .option('--dry-run', 'say what would be done, send nothing')
    .option('--force', 'make a release even when nothing is new')
    .option('--exit-code', 'exit 4 when there was nothing to do')
    .option('--token <token>', 'publish token of the transmitter')
    .option('--out <www>', 'write the static form into a folder for any web server')
    .option('--public-url <url>', 'with --out: the URL under which WWW is served')
    .option('--refresh', 'with --out: only sign the metadata anew')
    .addHelpText(
      'after',
      `
Examples:
  longwave publish ./site http://127.0.0.1:5282/site
  longwave publish ./build https://dl.example.org/app --label 2.4.1 --schedule "every 1 hour"
  longwave publish ./site http://127.0.0.1:5282/site --dry-run
  longwave publish ./site docs --out /var/www --public-url https://example.org

Exit codes: 0 published or nothing new, 4 nothing new (--exit-code), 2 refused names or options,
12 token refused, 13 keys or signatures, 75 the transmitter is away or another was first.`,
    )
    .action(run(publish))
}

async function publish(
  session: Session,
  directory: string,
  channel: string,
  flags: Flags,
): Promise<number> {
  const publisher = openPublisher(session)
  const progress = session.progress()
  const onProgress = (event: PublishProgress): void => showProgress(session, progress, event)
  const common = await contentOptions(directory, flags, session)
  try {
    if (flags.out !== undefined) {
      const at = { name: channel, out: path.resolve(flags.out), signal: session.signal }
      const summary =
        flags.refresh === true
          ? await publisher.refreshStatic(at)
          : await publisher.publishStatic({
              ...common,
              ...at,
              onProgress,
              publicUrl: flags.publicUrl,
            })
      progress.stop()
      return reportStatic(session, summary, flags)
    }
    if (flags.refresh === true) {
      throw cliError('LW_CLI_USAGE', { detail: '--refresh goes with --out.' })
    }
    const summary = await publisher.publish({
      ...common,
      channel,
      onProgress,
      token: flags.token,
      ...(flags.plugin === undefined ? {} : { plugin: await loadPlugin(flags.plugin) }),
      waitSeconds: flags.wait === undefined ? undefined : wholeNumber('--wait', flags.wait, 0, 600),
    })
    progress.stop()
    return report(session, summary, flags)
  } finally {
    progress.stop()
  }
}

async function contentOptions(directory: string, flags: Flags, session: Session) {
  return {
    directory: path.resolve(directory),
    label: flags.label,
    attributes: {
      title: flags.title,
      description: flags.description,
      category: flags.category,
      schedule: flags.schedule,
      kind: flags.kind,
      main: flags.main,
      ...(flags.repeater === undefined
        ? {}
        : {
            repeaters:
              flags.repeater.length === 1 && flags.repeater[0] === 'none'
                ? ('none' as const)
                : flags.repeater.map(parseRepeater),
          }),
      assignment: flags.assign,
      ...(flags.trusted === undefined ? {} : { trusted: flags.trusted }),
      access: flags.access,
      ...(flags.pluginPath === undefined ? {} : { pluginPaths: flags.pluginPath }),
    },
    ignore: flags.ignore ?? [],
    portable: flags.portable === true,
    force: flags.force === true,
    dryRun: flags.dryRun === true,
    rolloutSeconds:
      flags.rollout === undefined ? undefined : durationSeconds('--rollout', flags.rollout),
    minimum:
      flags.minimum === undefined
        ? undefined
        : wholeNumber('--minimum', flags.minimum, 1, 1_000_000_000),
    signal: session.signal,
  }
}

async function loadPlugin(file: string): Promise<string | null> {
  if (file === 'none') return null
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw cliError('LW_CLI_USAGE', { detail: `--plugin: ${file} cannot be read.`, cause })
  }
}

function showProgress(session: Session, progress: Progress, event: PublishProgress): void {
  if (event.phase === 'scan') progress.update('scanning', event.bytes, event.totalBytes)
  else if (event.phase === 'upload') {
    progress.update('uploading', event.sentBytes, Math.max(event.sentBytes, event.missingBytes))
  } else if (event.phase === 'conflict') {
    session.output.note(
      `Release ${event.release} was published by someone else first; publishing on top of it.`,
    )
  }
}

function report(session: Session, summary: PublishSummary, flags: Flags): number {
  const { output } = session
  output.emit({
    type: summary.outcome === 'nothing-new' ? 'unchanged' : summary.outcome,
    ...summary,
  })
  for (const warning of summary.warnings) output.note(`Warning: ${warning}`)
  if (summary.outcome === 'nothing-new') {
    output.print(`Nothing new: ${summary.url} stays at release ${summary.release}.`)
    return flags.exitCode === true ? ExitCode.nothingToDo : ExitCode.ok
  }
  const verb = summary.outcome === 'dry-run' ? 'Would publish' : 'Published'
  const label = summary.label === undefined ? '' : ` (${summary.label})`
  output.print(`${verb} ${summary.url} release ${summary.release}${label}`)
  output.print(
    `  Files      ${countText(summary.files, 'file')}, ${sizeText(summary.bytes)}; ${summary.changes.added} added, ${summary.changes.changed} changed, ${summary.changes.removed} removed`,
  )
  output.print(
    `  Reused     ${countText(summary.reusedObjects, 'object')}, ${sizeText(summary.reusedBytes)} (${shareText(summary.reusedBytes, summary.bytes)})`,
  )
  output.print(
    `  Sent       ${countText(summary.sentObjects, 'object')} in ${sizeText(summary.sentBytes)}${summary.deltas === 0 ? '' : `, ${summary.deltas} as differences`}, ${durationText(summary.durationMs)}`,
  )
  output.print(`  Manifest   ${summary.manifestId}`)
  if (summary.link !== undefined) output.print(`  Subscribe  ${summary.link}`)
  if (summary.fingerprint !== undefined) output.print(`  Key        ${summary.fingerprint}`)
  if (summary.keysCreated !== undefined) {
    output.print(`  Keys made  publisher ${summary.keysCreated.publisher.path}`)
    output.print(`             recovery  ${summary.keysCreated.recovery.path}`)
    output.print('             Move the recovery key off-line: longwave key export')
  }
  for (const repeater of summary.repeaters) {
    output.print(`  Repeater   ${repeater.url} ${repeater.state}`)
  }
  for (const next of summary.next) output.print(`  Next       ${next}`)
  return ExitCode.ok
}

function reportStatic(session: Session, summary: StaticSummary, flags: Flags): number {
  const { output } = session
  output.emit({
    type: summary.outcome === 'nothing-new' ? 'unchanged' : summary.outcome,
    ...summary,
  })
  for (const warning of summary.warnings) output.note(`Warning: ${warning}`)
  if (summary.outcome === 'nothing-new') {
    output.print(`Nothing new: ${summary.name} stays at release ${summary.release}.`)
    return flags.exitCode === true ? ExitCode.nothingToDo : ExitCode.ok
  }
  output.print(
    `${summary.name} release ${summary.release} is ${summary.outcome} in ${summary.directory}`,
  )
  output.print(`  Files      ${countText(summary.files, 'file')}, ${sizeText(summary.bytes)}`)
  output.print(
    `  Written    ${countText(summary.writtenObjects, 'object')}, ${sizeText(summary.writtenBytes)}`,
  )
  for (const bundle of summary.bundles) {
    output.print(`  Bundle     from release ${bundle.from}: ${sizeText(bundle.bytes)}`)
  }
  output.print(`  Manifest   ${summary.manifestId}`)
  if (summary.link !== undefined) output.print(`  Subscribe  ${summary.link}`)
  if (summary.channelId !== undefined) output.print(`  Channel id ${summary.channelId}`)
  output.print(`  Fresh until ${summary.timestampExpires}; sign anew with --refresh before`)
  for (const next of summary.next) output.print(`  Next       ${next}`)
  return ExitCode.ok
}
