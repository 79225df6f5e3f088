import type { IncomingMessage, ServerResponse } from 'node:http'
import { isLongwaveError, type LongwaveError } from '../protocol/index.ts'
import { servingError } from './errors.ts'
import { servingLimits as limits } from './limits.ts'

/** An error as it travels (RFC 9457). */
export interface ProblemAnswer {
  readonly status: number
  /** Flat list of header names and values. */
  readonly headers: readonly string[]
  readonly body: Buffer
}

const reserved = new Set(['type', 'title', 'status', 'code', 'detail', 'request'])

/**
 * The answer for an error. Ours travel with code, detail and members; of anything else the
 * reader learns only the request id under which the log has the rest.
 */
export function problemOf(error: unknown, requestId: string): ProblemAnswer {
  const known = asLongwaveError(error)
  const members = Object.fromEntries(
    Object.entries(known.members).filter(([name]) => !reserved.has(name)),
  )
  const body = Buffer.from(
    JSON.stringify({
      type: `urn:longwave:error:${known.code}`,
      title: known.message.slice(0, known.message.length - suffixLength(known)),
      status: known.status,
      code: known.code,
      detail: known.detail?.slice(0, limits.problemDetailCharactersMax),
      request: requestId,
      ...members,
    }),
  )
  const headers = [
    'Content-Type',
    'application/problem+json',
    'Content-Length',
    String(body.byteLength),
    'Cache-Control',
    'no-store',
    'X-Content-Type-Options',
    'nosniff',
    'X-Request-Id',
    requestId,
  ]
  if (known.retryAfterSeconds !== undefined) {
    headers.push('Retry-After', String(Math.ceil(known.retryAfterSeconds)))
  }
  const { allow } = known.members
  // RFC 9110 §15.5.6: which methods there are belongs to every such answer.
  if (known.status === 405 && Array.isArray(allow)) headers.push('Allow', allow.join(', '))
  if (known.status === 401) headers.push('WWW-Authenticate', 'Bearer realm="longwave"')
  return { status: known.status, headers, body }
}

/** The message is the table's sentence, followed by the detail. */
function suffixLength(error: LongwaveError): number {
  return error.detail === undefined ? 0 : error.detail.length + 1
}

/** Errors of the HTTP framework become ours; anything unknown becomes LW_SERVE_INTERNAL. */
export function asLongwaveError(error: unknown): LongwaveError {
  if (isLongwaveError(error)) return error
  const status = numberOf(error, 'statusCode')
  const code = String((error as { readonly code?: unknown } | null)?.code ?? '')
  if (code === 'ECONNRESET' && status === 400) {
    // Node's own error for a request that broke off; nobody is left to read the answer.
    return servingError('LW_SERVE_CLIENT_GONE', { cause: error })
  }
  if (isValidation(error)) {
    return servingError('LW_SERVE_REQUEST', { detail: validationDetail(error), cause: error })
  }
  if (status === undefined || status < 400 || status > 499 || !code.startsWith('FST_')) {
    return servingError('LW_SERVE_INTERNAL', { cause: error })
  }
  if (status === 413) return servingError('LW_SERVE_BODY_TOO_LARGE', { cause: error })
  if (status === 415) return servingError('LW_SERVE_MEDIA_TYPE', { cause: error })
  return servingError('LW_SERVE_REQUEST', { detail: sentence(error), cause: error })
}

interface ValidationError extends Error {
  readonly validation: readonly { readonly instancePath?: string; readonly message?: string }[]
  readonly validationContext?: string
}

function isValidation(error: unknown): error is ValidationError {
  return error instanceof Error && Array.isArray((error as Partial<ValidationError>).validation)
}

function validationDetail(error: ValidationError): string {
  const first = error.validation[0]
  const where = `${error.validationContext ?? 'request'}${first?.instancePath ?? ''}`
  return `${where} ${first?.message ?? 'is wrong'}.`
}

function numberOf(error: unknown, key: 'statusCode'): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const value = (error as { readonly statusCode?: unknown })[key]
  return typeof value === 'number' ? value : undefined
}

/** The framework's own words about a request that it refused; they hold nothing of ours. */
function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message : 'It was refused'
  return text.endsWith('.') ? text : `${text}.`
}

/**
 * Answers with a problem outside the framework's routes; does nothing once headers are out.
 * @param fields more header fields: names and values by turns
 */
export function sendProblem(
  request: IncomingMessage,
  response: ServerResponse,
  problem: ProblemAnswer,
  fields: readonly string[] = [],
): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(problem.status, [...problem.headers, ...fields])
  response.end(request.method === 'HEAD' ? undefined : problem.body)
}
