import { tableLines } from './text.ts'

/** What commands write to: standard output is data, standard error is everything else. */
export interface Output {
  readonly json: boolean
  readonly quiet: boolean
  /** One line of data for people; nothing with `--json`. */
  print(line: string): void
  /** Rows of data for people as columns, the head first; nothing with `--json`. */
  printTable(rows: readonly (readonly string[])[]): void
  /** An object of data for scripts, as one line; nothing without `--json`. */
  emit(object: { readonly type: string } & Readonly<Record<string, unknown>>): void
  /** A line on standard error, left out with `--quiet`. */
  note(line: string): void
}

export function createOutput(options: { readonly json: boolean; readonly quiet: boolean }): Output {
  const print = (line: string) => {
    if (!options.json) process.stdout.write(`${inertText(line)}\n`)
  }
  return {
    ...options,
    print,
    printTable(rows) {
      for (const line of tableLines(rows)) print(line)
    },
    emit(object) {
      if (options.json) process.stdout.write(`${inertText(JSON.stringify(object))}\n`)
    },
    note(line) {
      if (!options.quiet) process.stderr.write(`${inertText(line)}\n`)
    },
  }
}

/**
 * Titles, paths and error texts come from outside: what a terminal would obey, what turns the
 * direction of a line and what begins a new one is shown as JSON writes it (`\\u001b`).
 */
export function inertText(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character.replace(/[\s\S]/g, escapeOf),
  )
}

function escapeOf(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
