import type { Writable } from 'node:stream'
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import pretty from 'pino-pretty'

/** What `createLogger` takes. */
export interface LoggerOptions {
  /** The role that logs, e.g. `transmitter`. */
  readonly name: string
  readonly level?: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** Where lines go; standard error when absent. */
  readonly destination?: Writable & { readonly isTTY?: boolean }
  /** Lines for people instead of NDJSON; by default when the destination is a terminal. */
  readonly human?: boolean
}

/** Fields that never reach a log, wherever they stand. */
const secrets = ['authorization', 'cookie', 'set-cookie', 'token', 'password', 'passphrase']

/** Logs to standard error: lines for people on a terminal, NDJSON elsewhere, no secrets. */
export function createLogger(options: LoggerOptions): Logger {
  const destination = options.destination ?? process.stderr
  const human = options.human ?? destination.isTTY === true
  const colorize = human && destination.isTTY === true && (process.env['NO_COLOR'] ?? '') === ''
  const stream: DestinationStream = human
    ? pretty({
        destination,
        colorize,
        ignore: 'pid,hostname,name',
        translateTime: 'HH:MM:ss',
        // Words from outside must not steer the terminal; NDJSON escapes them anyway.
        messageFormat: (line, key) => String(line[key] ?? '').replace(/\p{Cc}+/gu, ' '),
      })
    : destination
  return pino(
    {
      name: options.name,
      level: options.level ?? 'info',
      timestamp: stdTimeFunctions.isoTime,
      redact: { paths: secrets.flatMap((name) => pathsOf(name)), censor: '(not shown)' },
    },
    stream,
  )
}

function pathsOf(name: string): readonly string[] {
  const key = name.includes('-') ? `["${name}"]` : name
  const inner = name.includes('-') ? key : `.${key}`
  return [key, `*${inner}`, `*.*${inner}`]
}
