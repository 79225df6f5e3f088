import { createInterface } from 'node:readline/promises'
import { cliError } from './failure/index.ts'
import type { Session } from './session.ts'

/**
 * Asks before something that cannot be taken back. Only a terminal is asked: a script that calls
 * the command means it.
 * @throws LW_CLI_REFUSED
 */
export async function confirm(session: Session, question: string): Promise<void> {
  if (session.yes || process.stdin.isTTY !== true) return
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal: session.signal })
    if (/^y(es)?$/i.test(answer.trim())) return
  } finally {
    lines.close()
  }
  throw cliError('LW_CLI_REFUSED', { untouched: 'Nothing was changed.' })
}
