import os from 'node:os'
import path from 'node:path'
import { Command, CommanderError, Option } from 'commander'
import { ExitCode } from '../protocol/index.ts'
import { commandTable } from './command-table.ts'
import { reportFailure } from './failure/index.ts'
import { loadConfiguration } from './options/index.ts'
import { createOutput } from './output/index.ts'
import { createSession, type Session } from './session.ts'

/** What a command's module exports: it declares itself on a commander command. */
export interface CommandModule {
  declare(command: Command, run: Runner): void
}

/** Wraps the work of a command: session, errors, exit code. */
export type Runner = <Args extends readonly unknown[]>(
  work: (session: Session, ...args: Args) => Promise<number | undefined>,
) => (...args: Args) => Promise<void>

/** Runs one command line and sets the exit code. */
export async function runProgram(argv: readonly string[]): Promise<void> {
  const program = new Command('longwave')
  program
    .description('Keeps directories - software, websites, data - current and exact on any machine.')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .exitOverride()
    .enablePositionalOptions()
    .showSuggestionAfterError(true)
    .addHelpText('after', overview)
  addGlobalOptions(program)
  const { version } = await import('../protocol/index.ts')
  program.version(version, '-V, --version', 'print the version')
  const wanted = wantedCommand(argv)
  for (const entry of commandTable) {
    const command = program.command(entry.name).description(entry.summary)
    command.exitOverride()
    if (entry.name !== wanted) continue
    const module = await entry.load()
    module.declare(command, runner(program, command))
    for (const one of [command, ...command.commands]) {
      one.exitOverride()
      addGlobalOptions(one)
      addEnvironmentTwins(one)
    }
  }
  try {
    await program.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    process.exitCode = exitCodeOf(error)
  }
}

const overview = `
Examples:
  longwave demo                                   see the main job in one go
  longwave transmitter start                      serve channels; prints the URL
  longwave publish ./site http://127.0.0.1:5282/site
  longwave subscribe 'http://127.0.0.1:5282/site#CHANNEL-ID'
  longwave update                                 bring everything to its newest release

Exit codes: 0 ok, 1 failed, 2 usage, 3 partly done, 4 nothing to do, 10 not found, 11 locked,
12 access denied, 13 signature, hash or trust, 75 temporary, 130 interrupted.`

function addGlobalOptions(command: Command): void {
  command
    .addOption(
      new Option('--home <dir>', "where everything of this user's Longwave lies").env(
        'LONGWAVE_HOME',
      ),
    )
    .addOption(new Option('--config <file>', 'options as TOML').env('LONGWAVE_CONFIG'))
    .addOption(
      new Option('--json', 'one JSON object a line on standard output').env('LONGWAVE_JSON'),
    )
    .addOption(new Option('--quiet', 'no progress and no notes').env('LONGWAVE_QUIET'))
    .addOption(new Option('--yes', 'answer every question with yes').env('LONGWAVE_YES'))
}

/** Every option has a LONGWAVE_* twin. */
function addEnvironmentTwins(command: Command): void {
  for (const option of command.options) {
    if (option.envVar === undefined && option.long !== undefined) {
      option.env(`LONGWAVE_${option.long.slice(2).replace(/-/g, '_').toUpperCase()}`)
    }
  }
}

/** The first word that is no option: its module alone is loaded. */
function wantedCommand(argv: readonly string[]): string | undefined {
  const withValue = new Set(['--home', '--config'])
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? ''
    if (withValue.has(word)) at++
    else if (word === 'help') return argv[at + 1]
    else if (!word.startsWith('-')) return word
  }
  return undefined
}

function runner(program: Command, command: Command): Runner {
  return (work) =>
    async (...args) => {
      // Commander hands over the command that was called last.
      const called = (args as readonly unknown[]).at(-1)
      const active = called instanceof Command ? called : command
      const flags = { ...program.opts(), ...command.opts(), ...active.opts() }
      const output = createOutput({
        json: isSet(flags['json']),
        quiet: isSet(flags['quiet']),
      })
      const stop = new AbortController()
      const onSignal = (): void => stop.abort()
      process.once('SIGINT', onSignal)
      process.once('SIGTERM', onSignal)
      let session: Session | undefined
      try {
        const config = loadConfiguration(
          flags['config'] as string | undefined,
          command.name(),
          optionNames(active),
        )
        applyConfiguration(active, config)
        session = createSession({
          output,
          home: (flags['home'] as string | undefined) ?? path.join(os.homedir(), '.longwave'),
          yes: isSet(flags['yes']),
          config,
          signal: stop.signal,
        })
        process.exitCode = (await work(session, ...args)) ?? ExitCode.ok
      } catch (error) {
        process.exitCode = stop.signal.aborted ? ExitCode.interrupted : reportFailure(output, error)
        if (stop.signal.aborted) reportFailure(output, error)
      } finally {
        await session?.close().catch((error: unknown) => reportFailure(output, error))
        process.removeListener('SIGINT', onSignal)
        process.removeListener('SIGTERM', onSignal)
      }
    }
}

function isSet(value: unknown): boolean {
  return value === true || (typeof value === 'string' && value !== '' && value !== '0')
}

function optionNames(command: Command): ReadonlySet<string> {
  return new Set(command.options.flatMap((option) => option.long?.slice(2) ?? []))
}

/** The configuration counts where neither the command line nor the environment says anything. */
function applyConfiguration(command: Command, config: Readonly<Record<string, unknown>>): void {
  for (const option of command.options) {
    const name = option.long?.slice(2)
    if (name === undefined || config[name] === undefined) continue
    const source = command.getOptionValueSource(option.attributeName())
    if (source === undefined || source === 'default') {
      const value = config[name]
      command.setOptionValueWithSource(
        option.attributeName(),
        typeof value === 'number' ? String(value) : value,
        'config',
      )
    }
  }
}

/** Commander has written its message already. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage
  }
  return reportFailure(createOutput({ json: false, quiet: false }), error)
}
