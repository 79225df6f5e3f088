import { Command, CommanderError, type Option } from 'commander'
import { version } from '../protocol/version/index.ts'
import { commandTable } from './command-table.ts'
import type { Session } from './session.ts'

// Help and version load nothing but this file's imports: what commands need comes when one runs.

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
  // A reader that closes the pipe has seen enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    process.stderr.write(`longwave: standard output cannot be written: ${error.message}\n`)
    process.exit(1)
  })
  const program = new Command('longwave')
  program
    .description('Keeps directories - software, websites, data - current and exact on any machine.')
    .version(version, '-V, --version', 'print the version')
    // Long names of commands and options leave little room, and are no reason to write past the edge.
    .configureHelp({ sortSubcommands: false, minWidthToWrap: 20 })
    .configureOutput({ getOutHelpWidth: helpWidth, getErrHelpWidth: helpWidth })
    .enablePositionalOptions()
    .showSuggestionAfterError(true)
    .addHelpText('after', overview)
  const wanted = wantedCommand(argv)
  for (const entry of commandTable) {
    const command = program.command(entry.name).description(entry.summary)
    if (entry.name === wanted) (await entry.load()).declare(command, runner(command))
  }
  prepare(program)
  try {
    await program.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    process.exitCode = await exitCodeOf(error, argv)
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

/** What every command and subcommand has in common. */
function prepare(command: Command): void {
  command.exitOverride()
  command.showHelpAfterError(`Try: ${pathOf(command)} --help`)
  for (const [flags, text] of globalOptions) {
    const long = flags.split(' ')[0]
    // A command may need one of these names for something of its own.
    if (!command.options.some((option) => option.long === long)) command.option(flags, text)
  }
  for (const option of command.options) addEnvironmentTwin(command, option)
  for (const below of command.commands) prepare(below)
}

/** COLUMNS counts where there is no terminal to ask. */
function helpWidth(): number {
  const wanted = Number(process.env['COLUMNS'])
  return process.stdout.columns ?? (wanted >= 20 ? wanted : 80)
}

/** The words that call a command. */
function pathOf(command: Command): string {
  const above = command.parent
  return above === null ? command.name() : `${pathOf(above)} ${command.name()}`
}

const globalOptions: readonly (readonly [string, string])[] = [
  ['--home <dir>', "where everything of this user's Longwave lies"],
  ['--config <file>', 'options as TOML'],
  ['--json', 'one JSON object a line on standard output'],
  ['--quiet', 'no progress and no notes'],
  ['--yes', 'answer every question with yes'],
]

/** Every option has a LONGWAVE_* twin; one that is empty counts as not set, 0 switches a flag off. */
function addEnvironmentTwin(command: Command, option: Option): void {
  if (option.long === undefined || option.long === '--version') return
  const name = `LONGWAVE_${option.long.slice(2).replace(/-/g, '_').toUpperCase()}`
  const value = process.env[name]
  const isOff = value === '' || (option.isBoolean() && (value === '0' || value === 'false'))
  if (isOff) return
  option.env(name)
  // Commander listens by itself only where the variable was named before the option was added.
  command.on(`optionEnv:${option.name()}`, () => {
    command.setOptionValueWithSource(option.attributeName(), parsed(command, option, name), 'env')
  })
}

function parsed(command: Command, option: Option, name: string): unknown {
  if (option.isBoolean()) return !option.negate
  const value = process.env[name] ?? ''
  try {
    return option.parseArg === undefined ? value : option.parseArg(value, undefined)
  } catch (error) {
    const said = error instanceof Error ? error.message : ''
    return command.error(`error: ${name}=${value} cannot be used for ${option.flags}. ${said}`)
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

function runner(command: Command): Runner {
  return (work) =>
    async (...args) => {
      const { runCommand } = await import('./run-command.ts')
      // Commander hands over the command that was called last.
      const called = (args as readonly unknown[]).at(-1)
      const active = called instanceof Command ? called : command
      await runCommand({ active, work: (session) => work(session, ...args) })
    }
}

/** Commander has written its message for people already. */
async function exitCodeOf(error: unknown, argv: readonly string[]): Promise<number> {
  if (error instanceof CommanderError && error.exitCode === 0) return 0
  const { reportFailure } = await import('./failure/index.ts')
  const { ExitCode } = await import('../protocol/index.ts')
  const { createOutput } = await import('./output/index.ts')
  if (error instanceof CommanderError) {
    const message = error.message.replace(/^error: /, '')
    const output = createOutput({ json: isJsonWanted(argv), quiet: false })
    output.emit({ type: 'error', code: 'LW_CLI_USAGE', message })
    return ExitCode.usage
  }
  return reportFailure(createOutput({ json: false, quiet: false }), error)
}

/** What was wanted of a command line that could not be parsed to its end. */
function isJsonWanted(argv: readonly string[]): boolean {
  const twin = process.env['LONGWAVE_JSON'] ?? ''
  return argv.includes('--json') || !['', '0', 'false'].includes(twin)
}
