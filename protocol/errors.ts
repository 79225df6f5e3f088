/** How the command line ends; scripts rely on these numbers (docs/scripting.md). */
export const ExitCode = {
  ok: 0,
  failed: 1,
  usage: 2,
  partial: 3,
  nothingToDo: 4,
  notFound: 10,
  locked: 11,
  accessDenied: 12,
  integrity: 13,
  temporary: 75,
  interrupted: 130,
} as const
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** What the error table says of one code. */
export interface ErrorSpec {
  /** HTTP status when the error is answered over the wire. */
  readonly status: number
  /** Exit code when the error ends a command. */
  readonly exit: ExitCode
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable: boolean
  /** One sentence for the reader: what happened. */
  readonly says: string
}

/** Extra facts of one occurrence. */
export interface ErrorDetails {
  /** What exactly was wrong, for the reader; never contains secrets. */
  readonly detail?: string
  /** What was left untouched, e.g. "the folder is as it was". */
  readonly untouched?: string
  /** The next command to run, or what else mends it. */
  readonly next?: string
  /** Machine-readable members that travel in problem+json and `--json`. */
  readonly members?: Readonly<Record<string, unknown>>
  /** Seconds after which a retry makes sense. */
  readonly retryAfterSeconds?: number
  readonly cause?: unknown
}

/**
 * The one error class: identified by a stable code, never by its message.
 * Codes are stable within a major version; messages are not.
 */
export class LongwaveError<Code extends string = string> extends Error {
  readonly code: Code
  readonly status: number
  readonly exit: ExitCode
  readonly retryable: boolean
  readonly detail: string | undefined
  readonly untouched: string | undefined
  readonly next: string | undefined
  readonly members: Readonly<Record<string, unknown>>
  readonly retryAfterSeconds: number | undefined
  readonly #spec: ErrorSpec

  constructor(code: Code, spec: ErrorSpec, details: ErrorDetails = {}) {
    super(
      details.detail === undefined ? spec.says : `${spec.says} ${details.detail}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    )
    this.name = 'LongwaveError'
    this.#spec = spec
    this.code = code
    this.status = spec.status
    this.exit = spec.exit
    this.retryable = spec.retryable
    this.detail = details.detail
    this.untouched = details.untouched
    this.next = details.next
    this.members = details.members ?? {}
    this.retryAfterSeconds = details.retryAfterSeconds
  }

  /** The same error in the words of somebody who knows more of it; what it is called stays. */
  withDetails(details: ErrorDetails): LongwaveError<Code> {
    const { detail, untouched, next, members, retryAfterSeconds } = this
    return new LongwaveError(this.code, this.#spec, {
      members,
      cause: this,
      ...(detail === undefined ? {} : { detail }),
      ...(untouched === undefined ? {} : { untouched }),
      ...(next === undefined ? {} : { next }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      ...details,
    })
  }
}

const registry = new Map<string, ErrorSpec & { readonly area: string }>()

/**
 * Declares the error table of one area and returns the function that makes its errors.
 * @throws TypeError when a code is declared twice: a programmer's mistake.
 */
export function errorArea<const Table extends Readonly<Record<`LW_${string}`, ErrorSpec>>>(
  area: string,
  table: Table,
): <Code extends Extract<keyof Table, string>>(
  code: Code,
  details?: ErrorDetails,
) => LongwaveError<Code> {
  for (const [code, spec] of Object.entries<ErrorSpec>(table)) {
    if (registry.has(code)) throw new TypeError(`error code ${code} is declared twice`)
    registry.set(code, { ...spec, area })
  }
  return (code, details) => new LongwaveError(code, table[code] as ErrorSpec, details)
}

/** Every declared code in the order of declaration; docs/errors.md is generated from it. */
export function declaredErrors(): ReadonlyMap<string, ErrorSpec & { readonly area: string }> {
  return registry
}

/** Narrows to our error, with a code when one is given. */
export function isLongwaveError<Code extends string>(
  error: unknown,
  code?: Code,
): error is LongwaveError<Code> {
  return error instanceof LongwaveError && (code === undefined || error.code === code)
}

/** Marks a branch that the types say cannot be reached. */
export function assertNever(value: never): never {
  throw new TypeError(`unexpected value ${JSON.stringify(value)}`)
}
