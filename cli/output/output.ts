/** What commands write to: standard output is data, standard error is everything else. */
export interface Output {
  readonly json: boolean
  readonly quiet: boolean
  /** A line of data for people; nothing with `--json`. */
  print(line: string): void
  /** An object of data for scripts, as one line; nothing without `--json`. */
  emit(object: { readonly type: string } & Readonly<Record<string, unknown>>): void
  /** A line on standard error, left out with `--quiet`. */
  note(line: string): void
}

export function createOutput(options: { readonly json: boolean; readonly quiet: boolean }): Output {
  return {
    ...options,
    print(line) {
      if (!options.json) process.stdout.write(`${line}\n`)
    },
    emit(object) {
      if (options.json) process.stdout.write(`${JSON.stringify(object)}\n`)
    },
    note(line) {
      if (!options.quiet) process.stderr.write(`${line}\n`)
    },
  }
}
