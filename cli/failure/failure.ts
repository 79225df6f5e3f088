import { ExitCode, isLongwaveError } from '../../protocol/index.ts'
import { fileFailure } from '../../store/durable-files/index.ts'
import { inertText, type Output } from '../output/index.ts'
import { cliError } from './errors.ts'

/**
 * Tells the reader of a failure what happened, what was left untouched and the next command, and
 * returns the exit code of the error table.
 */
export function reportFailure(output: Output, failure: unknown): number {
  const error = ofSystem(failure) ?? failure
  if (isLongwaveError(error)) {
    const next = error.next ?? nextOf(error.code)
    output.emit({
      type: 'error',
      code: error.code,
      message: error.message,
      ...(error.untouched === undefined ? {} : { untouched: error.untouched }),
      ...(next === undefined ? {} : { next }),
      ...error.members,
    })
    write(`longwave: ${error.message} [${error.code}]`)
    if (error.untouched !== undefined) write(`  ${error.untouched}`)
    if (next !== undefined) write(`  Next: ${next}`)
    debug(error)
    return error.exit
  }
  const message = error instanceof Error ? error.message : String(error)
  output.emit({ type: 'error', code: 'LW_INTERNAL', message })
  write(`longwave: ${message}`)
  if (process.env['LONGWAVE_DEBUG'] !== '1') write('  LONGWAVE_DEBUG=1 shows where it happened.')
  debug(error)
  return ExitCode.failed
}

/** What helps with errors that come from places which know no command line. */
function nextOf(code: string): string | undefined {
  if (code === 'LW_TRANSFER_UNREACHABLE') {
    const server = serverNamed(process.argv)
    const about = '# looks at the clock, proxies and the way to a server'
    return ['longwave doctor', ...(server === undefined ? [] : [server]), about].join(' ')
  }
  return systemRemedies[code]
}

/** The server of the URL or link that the command line gave; a subscription's is not named there. */
function serverNamed(argv: readonly string[]): string | undefined {
  const word = argv.slice(2).find((one) => /^(longwave:)?https?:\/\//.test(one))
  const url = word?.replace(/^longwave:/, '')
  return url !== undefined && URL.canParse(url) ? `${new URL(url).origin}/` : undefined
}

const systemWords: Readonly<Record<string, string>> = {
  ENOENT: 'There is no such file or folder',
  ENOTDIR: 'It is no folder',
  EISDIR: 'It is a folder, and a file is needed',
}

/** What helps with causes that have a code of their own wherever they are met. */
const systemRemedies: Readonly<Record<string, string>> = {
  LW_STORE_DISK_FULL: 'Free some room there and run the same command again.',
  LW_STORE_NO_PERMISSION: 'Give this user the right to it, or name another place.',
  LW_STORE_TOO_MANY_FILES: 'Run the same command again, or raise the limit: ulimit -n',
}

/** What the operating system says about a path that was given, as an error for people. */
function ofSystem(error: unknown): Error | undefined {
  if (!(error instanceof Error) || isLongwaveError(error)) return undefined
  const { code, syscall, path } = error as NodeJS.ErrnoException
  if (code === undefined || syscall === undefined) return undefined
  const known = fileFailure(
    error,
    path === undefined ? `${syscall} was called` : `${path} was used`,
  )
  if (isLongwaveError(known) && systemRemedies[known.code] !== undefined) return known
  const words = systemWords[code] ?? `The operating system says ${code}`
  const detail = path === undefined ? `${words}.` : `${words}: ${path}.`
  return cliError('LW_CLI_SYSTEM', {
    detail,
    ...(code === 'ENOENT' && path !== undefined ? { next: 'Check the path.' } : {}),
    cause: error,
  })
}

/** Tells that a signal ended the command, and what that left behind. */
export function reportInterruption(output: Output, error: unknown): number {
  output.emit({ type: 'error', code: 'LW_INTERRUPTED', message: 'Interrupted.' })
  write('longwave: interrupted.')
  if (isLongwaveError(error) && error.untouched !== undefined) write(`  ${error.untouched}`)
  debug(error)
  return ExitCode.interrupted
}

function write(line: string): void {
  process.stderr.write(`${inertText(line)}\n`)
}

function debug(error: unknown): void {
  if (process.env['LONGWAVE_DEBUG'] !== '1' || !(error instanceof Error)) return
  const cause = error.cause as Error | undefined
  const lines = [error.stack ?? '', ...(cause === undefined ? [] : [`caused by ${cause.stack}`])]
  for (const line of lines.flatMap((text) => text.split('\n'))) write(line)
}
