import { readFileSync } from 'node:fs'
import { parse } from 'smol-toml'
import { cliError } from '../failure/index.ts'

/**
 * Reads a TOML file whose keys are option names, at the top for all commands or in a table named
 * like the command.
 * @throws LW_CLI_CONFIG
 */
export function loadConfiguration(
  file: string | undefined,
  command: string,
  known: ReadonlySet<string>,
): Readonly<Record<string, unknown>> {
  if (file === undefined) return {}
  let document: Record<string, unknown>
  try {
    document = parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw cliError('LW_CLI_CONFIG', { detail: `${file}: ${(cause as Error).message}`, cause })
  }
  const values: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(document)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) values[key] = value
  }
  const table = document[command]
  if (typeof table === 'object' && table !== null) Object.assign(values, table)
  for (const key of Object.keys(values)) {
    if (known.has(key)) continue
    const near = nearest(key, known)
    throw cliError('LW_CLI_CONFIG', {
      detail: `${file} sets "${key}", which ${command} does not know.`,
      ...(near === undefined ? {} : { next: `Did you mean "${near}"?` }),
    })
  }
  return values
}

function nearest(word: string, known: ReadonlySet<string>): string | undefined {
  let best: string | undefined
  let bestDistance = 4
  for (const candidate of known) {
    const distance = editDistance(word, candidate)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1
      current[j] = Math.min(
        (current[j - 1] ?? 0) + 1,
        (previous[j] ?? 0) + 1,
        (previous[j - 1] ?? 0) + change,
      )
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
