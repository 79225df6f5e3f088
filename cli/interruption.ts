// Loaded before the version of Node is looked at: kept to syntax that old versions parse.

/** A run that SIGINT and SIGTERM end in good order. */
export interface Interruption {
  /** Aborted by the first signal; a second one ends the process as it always does. */
  readonly signal: AbortSignal
  /** Gives the signals back. */
  end(): void
}

let early: Interruption | undefined

/** Listens from the start of the process on, before anything that takes time is loaded. */
export function listenEarly(): void {
  early = listen()
}

/** The interruption of the next command: the one that listens already, or one of its own. */
export function takeInterruption(): Interruption {
  const taken = early === undefined ? listen() : early
  early = undefined
  return taken
}

function listen(): Interruption {
  const stop = new AbortController()
  const onSignal = (): void => stop.abort()
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  return {
    signal: stop.signal,
    end() {
      process.removeListener('SIGINT', onSignal)
      process.removeListener('SIGTERM', onSignal)
    },
  }
}
