import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { type Command, Option } from 'commander'
import { ExitCode, isChannelName } from '../../protocol/index.ts'
import {
  parseRepeater,
  type PublishProgress,
  type PublishSummary,
  type StaticSummary,
} from '../../publisher/index.ts'
import { cliError } from '../failure/index.ts'
import { collect, durationSeconds, wholeNumber } from '../options/index.ts'
import type { Progress } from '../output/index.ts'
import type { Runner } from '../program.ts'
import { publishedLines, staticLines } from '../publish-lines.ts'
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
  readonly keep?: string
}

/** `longwave publish DIR CHANNEL_URL`, `longwave publish DIR NAME --out WWW` */
export function declare(command: Command, run: Runner): void {
  command
    .argument('<dir>', 'the base directory')
    .argument('<channel>', 'CHANNEL_URL, or with --out the channel NAME')
    .option(
      '--label <label>',
      'a version for people, such as 2.4.1; none leaves the release without',
    )
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
    .option('--keep <releases>', 'with --out: how many releases stay whole (default: 10)')
    .option('--refresh', 'with --out: only sign the metadata anew')
    .addHelpText(
      'after',
      `
Examples:
  longwave publish ./site http://127.0.0.1:5282/site
  longwave publish ./build https://dl.example.org/app --label 2.4.1 --schedule "every 1 hour"
  longwave publish ./site http://127.0.0.1:5282/site --dry-run
  longwave publish ./site docs --out /var/www --public-url https://example.org
  longwave publish ./site docs --out /var/www --refresh

Exit codes: 0 published or nothing new, 4 nothing new (--exit-code), 2 refused names or options,
12 token refused, 13 keys or signatures, 75 the transmitter is away or another was first.`,
    )
    .action(run(publish))
}

/**
 * The `--public-url` of the publish before, as its listing has it: what cron repeats without that
 * option keeps its links.
 */
async function publicUrlBefore(at: {
  readonly name: string
  readonly out: string
}): Promise<string | undefined> {
  try {
    const text = await readFile(path.join(at.out, at.name, 'listing.json'), 'utf8')
    const { url } = JSON.parse(text) as { readonly url?: unknown }
    if (typeof url !== 'string' || !URL.canParse(url)) return undefined
    return url.endsWith(`/${at.name}`) ? url.slice(0, -at.name.length - 1) : undefined
  } catch {
    // The first publish, or one whose listing was lost: there is nothing to keep.
    return undefined
  }
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
      const publicUrl = flags.publicUrl ?? (await publicUrlBefore(at))
      const summary =
        flags.refresh === true
          ? await publisher.refreshStatic({ ...at, publicUrl })
          : await publisher.publishStatic({
              ...common,
              ...at,
              onProgress,
              publicUrl,
              keep:
                flags.keep === undefined ? undefined : wholeNumber('--keep', flags.keep, 1, 1000),
            })
      progress.stop()
      return report(session, summary, flags)
    }
    if (isChannelName(channel)) {
      throw cliError('LW_CLI_USAGE', {
        detail: `${JSON.stringify(channel)} is the name of a channel, and its URL is needed.`,
        next: `longwave publish ${directory} http://127.0.0.1:5282/${channel}, or --out WWW for files that any web server can serve`,
      })
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
    // A label belongs to one release: there is none to clear, only none to give.
    label: flags.label === 'none' ? undefined : flags.label,
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
    progress.update('uploading', event.doneBytes, event.totalBytes)
  } else if (event.phase === 'conflict') {
    session.output.note(
      `Release ${event.release} was published by someone else first; publishing on top of it.`,
    )
  }
}

function report(
  { output }: Session,
  summary: PublishSummary | StaticSummary,
  flags: Flags,
): number {
  const { outcome, warnings } = summary
  output.emit({ type: outcome === 'nothing-new' ? 'unchanged' : outcome, ...summary })
  for (const warning of warnings) output.note(`Warning: ${warning}`)
  const lines = 'directory' in summary ? staticLines(summary) : publishedLines(summary)
  for (const line of lines) output.print(line)
  const isIdle = outcome === 'nothing-new' && flags.exitCode === true
  return isIdle ? ExitCode.nothingToDo : ExitCode.ok
}
