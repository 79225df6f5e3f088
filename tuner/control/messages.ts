import { type ErrorSpec, isLongwaveError, LongwaveError } from '../../protocol/index.ts'
import type { FetchProgress } from '../../mirroring/index.ts'
import type { LocalChange } from '../folders/index.ts'
import { tunerError } from '../errors.ts'

/** What a command asks for: one request a connection, one JSON text a line. */
export interface ControlRequest {
  readonly operation: string
  readonly arguments: Readonly<Record<string, unknown>>
}

/** What a command says afterwards: its answer to a question. */
export interface ControlReply {
  /** The number of the question. */
  readonly reply: number
  readonly refusal?: ErrorText
}

/** What a tuner answers; `result` and `error` are the last line. */
export type ControlAnswer =
  | { readonly progress: FetchProgress }
  | { readonly outcome: unknown }
  | { readonly question: number; readonly localChanges: readonly LocalChange[] }
  | { readonly result: unknown }
  | { readonly error: ErrorText }

/** An error of ours as it crosses the socket. */
export interface ErrorText {
  readonly code: string
  readonly spec: ErrorSpec
  readonly detail?: string
  readonly untouched?: string
  readonly next?: string
  readonly members?: Readonly<Record<string, unknown>>
  readonly retryAfterSeconds?: number
}

/** Puts an error into words that make the same error on the other side. */
export function errorText(error: unknown): ErrorText {
  const ours = isLongwaveError(error)
    ? error
    : tunerError('LW_TUNER_CONTROL', {
        detail: error instanceof Error ? error.message : String(error),
      })
  const { code, status, exit, retryable, detail, untouched, next, members } = ours
  const says = detail === undefined ? ours.message : ours.message.slice(0, -detail.length).trimEnd()
  return {
    code,
    spec: { status, exit, retryable, says },
    members,
    ...(detail === undefined ? {} : { detail }),
    ...(untouched === undefined ? {} : { untouched }),
    ...(next === undefined ? {} : { next }),
    ...(ours.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: ours.retryAfterSeconds }),
  }
}

export function errorOf(text: ErrorText): LongwaveError {
  const { code, spec, ...details } = text
  return new LongwaveError(code, spec, details)
}
