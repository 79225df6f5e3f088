import { ExitCode, isLongwaveError } from '../../protocol/index.ts'
import type { Output } from '../output/index.ts'

/**
 * Tells the reader of a failure what happened, what was left untouched and the next command, and
 * returns the exit code of the error table.
 */
export function reportFailure(output: Output, error: unknown): number {
  if (isLongwaveError(error)) {
    output.emit({
      type: 'error',
      code: error.code,
      message: error.message,
      ...(error.untouched === undefined ? {} : { untouched: error.untouched }),
      ...(error.next === undefined ? {} : { next: error.next }),
      ...error.members,
    })
    write(`longwave: ${error.message} [${error.code}]`)
    if (error.untouched !== undefined) write(`  ${error.untouched}`)
    if (error.next !== undefined) write(`  Next: ${error.next}`)
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

/** Tells that a signal ended the command, and what that left behind. */
export function reportInterruption(output: Output, error: unknown): number {
  output.emit({ type: 'error', code: 'LW_INTERRUPTED', message: 'Interrupted.' })
  write('longwave: interrupted.')
  if (isLongwaveError(error) && error.untouched !== undefined) write(`  ${error.untouched}`)
  debug(error)
  return ExitCode.interrupted
}

function write(line: string): void {
  process.stderr.write(`${line}\n`)
}

function debug(error: unknown): void {
  if (process.env['LONGWAVE_DEBUG'] !== '1' || !(error instanceof Error)) return
  write(error.stack ?? '')
  if (error.cause !== undefined) write(`caused by ${(error.cause as Error).stack ?? error.cause}`)
}
