import { setMaxListeners } from 'node:events'
import os from 'node:os'
import path from 'node:path'
import type { Command } from 'commander'
import { ExitCode } from '../protocol/index.ts'
import { commandTable } from './command-table.ts'
import { takeInterruption } from './interruption.ts'
import { reportFailure, reportInterruption } from './failure/index.ts'
import { applyConfiguration, loadConfiguration, strongestOption } from './options/index.ts'
import { createOutput } from './output/index.ts'
import { createSession, type Session } from './session.ts'

/** What `runCommand` takes. */
export interface CommandRun {
  /** The command that was called. */
  readonly active: Command
  readonly work: (session: Session) => Promise<number | undefined>
}

/**
 * Runs the work of one command with a session of its own and sets the exit code. SIGINT and SIGTERM
 * abort the work, which then cleans up; a second signal ends the process as it always does.
 */
export async function runCommand({ active, work }: CommandRun): Promise<void> {
  const option = (name: string): unknown => strongestOption(active, name)
  const outputOf = () =>
    createOutput({ json: option('json') === true, quiet: option('quiet') === true })
  let output = outputOf()
  const stop = takeInterruption()
  // Every call listens while it runs; their number is limited where they are made.
  setMaxListeners(0, stop.signal)
  let session: Session | undefined
  try {
    const file = option('config') as string | undefined
    if (file !== undefined) {
      await applyConfiguration({
        table: commandTable,
        active,
        file,
        document: await loadConfiguration(file),
      })
      output = outputOf()
    }
    session = createSession({
      output,
      home: (option('home') as string | undefined) ?? path.join(os.homedir(), '.longwave'),
      yes: option('yes') === true,
      signal: stop.signal,
    })
    stop.signal.throwIfAborted()
    process.exitCode = (await work(session)) ?? ExitCode.ok
  } catch (error) {
    process.exitCode = stop.signal.aborted
      ? reportInterruption(output, error)
      : reportFailure(output, error)
  } finally {
    await session?.close().catch((error: unknown) => {
      process.exitCode = reportFailure(output, error)
    })
    stop.end()
  }
}
