import path from 'node:path'
import { type Command, Option } from 'commander'
import {
  applyDirectoryDelta,
  type Effort,
  inspectBundle,
  makeDirectoryDelta,
  verifyDirectoryDelta,
} from '../../delta/index.ts'
import { ExitCode } from '../../protocol/index.ts'
import { countText, durationText, numberText, shareText, sizeText } from '../output/index.ts'
import type { Runner } from '../program.ts'
import type { Session } from '../session.ts'

/** `longwave delta make|apply|inspect|verify` */
export function declare(command: Command, run: Runner): void {
  command.addHelpText(
    'after',
    `
OLD and NEW are directories or files.

Examples:
  longwave delta make app-1.0 app-1.1 app.delta
  longwave delta apply app-1.0 app.delta app-1.1-rebuilt
  longwave delta verify app-1.0 app.delta
  longwave delta inspect app.delta

Exit codes: 0 ok, 1 failed, 2 something lies where the result belongs, 13 damaged delta, other base or wrong
result.`,
  )
  command
    .command('make')
    .argument('<old>')
    .argument('<new>')
    .argument('<file>', 'the delta to write; must not exist')
    .addOption(
      new Option('--effort <effort>', 'how hard to try').choices(['fast', 'best']).default('best'),
    )
    .description('write what turns OLD into NEW, proved by applying it')
    .action(run(make))
  command
    .command('apply')
    .argument('<old>')
    .argument('<file>', 'the delta')
    .argument('<new>', 'what to build; must not exist')
    .description('build NEW from OLD and a delta')
    .action(run(apply))
  command
    .command('verify')
    .argument('<old>')
    .argument('<file>', 'the delta')
    .description('do all that apply does, keep nothing')
    .action(run(verify))
  command
    .command('inspect')
    .argument('<file>', 'a delta or bundle')
    .description('show what is in a delta')
    .action(run(inspect))
}

async function make(
  session: Session,
  oldPath: string,
  newPath: string,
  file: string,
  flags: { readonly effort: Effort },
): Promise<number> {
  const startedMs = performance.now()
  const made = await makeDirectoryDelta({
    oldPath: path.resolve(oldPath),
    newPath: path.resolve(newPath),
    outputPath: path.resolve(file),
    effort: flags.effort,
    signal: session.signal,
  })
  const durationMs = performance.now() - startedMs
  session.output.emit({ type: 'delta', file, ...made, durationMs })
  session.output.print(
    `${file}: ${numberText(made.bytes)} bytes for ${sizeText(made.wholeBytes)} of new files (${shareText(made.bytes, made.wholeBytes)}), ${durationText(durationMs)}, proved`,
  )
  return ExitCode.ok
}

async function apply(
  session: Session,
  oldPath: string,
  file: string,
  newPath: string,
): Promise<number> {
  const startedMs = performance.now()
  const applied = await applyDirectoryDelta({
    oldPath: path.resolve(oldPath),
    deltaPath: path.resolve(file),
    newPath: path.resolve(newPath),
    signal: session.signal,
  })
  const durationMs = performance.now() - startedMs
  session.output.emit({ type: 'applied', new: newPath, ...applied, durationMs })
  session.output.print(
    `${newPath}: ${countText(applied.entries, 'entry')}, ${sizeText(applied.totalBytes)}, ${countText(applied.builtFiles, 'file')} built, ${durationText(durationMs)}`,
  )
  return ExitCode.ok
}

async function verify(session: Session, oldPath: string, file: string): Promise<number> {
  const verified = await verifyDirectoryDelta({
    oldPath: path.resolve(oldPath),
    deltaPath: path.resolve(file),
    signal: session.signal,
  })
  session.output.emit({ type: 'sound', file, ...verified })
  session.output.print(`${file}: sound, builds ${sizeText(verified.totalBytes)} from ${oldPath}`)
  return ExitCode.ok
}

async function inspect(session: Session, file: string): Promise<number> {
  const contents = await inspectBundle(path.resolve(file))
  session.output.emit({ type: 'contents', ...contents })
  const lines: readonly (readonly [string, string | undefined])[] = [
    ['Format', contents.format],
    ['Bytes', numberText(contents.bytes)],
    ['Header', String(contents.headerBytes)],
    ['Core', `${numberText(contents.coreBytes)} (manifest, operations, differences)`],
    ['Bulk', `${numberText(contents.bulkBytes)} (${contents.bulkMethod})`],
    ['From', `manifest ${contents.oldManifest}…`],
    [
      'Builds',
      contents.expect === undefined
        ? undefined
        : `${countText(contents.expect.entries, 'entry')}, ${sizeText(contents.expect.totalBytes)}`,
    ],
  ]
  for (const [name, value] of lines) {
    if (value !== undefined) session.output.print(`${name.padEnd(7)} ${value}`)
  }
  return ExitCode.ok
}
