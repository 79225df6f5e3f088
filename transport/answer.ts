import type { Dispatcher } from 'undici'
import { transferError } from './errors.ts'

/** Header fields of an answer, names in lower case, repeated list fields joined. */
export type AnswerHeaders = Readonly<Record<string, string>>

/** The head of an answer, its body still on the way. */
export interface Answer {
  /** Where the answer came from, after redirects. */
  readonly url: URL
  readonly status: number
  readonly headers: AnswerHeaders
  readonly body: Dispatcher.ResponseData['body']
}

/** Fields of which a second one is an attack or a defect, never a list. */
const single = new Set([
  'content-length',
  'content-range',
  'content-type',
  'content-encoding',
  'etag',
  'location',
  'retry-after',
  'date',
])

/** @throws LW_TRANSFER_ANSWER when a field that must be alone is repeated */
export function readHeaders(
  raw: Readonly<Record<string, string | readonly string[] | undefined>>,
  url: URL,
): AnswerHeaders {
  const headers: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(raw)) {
    if (value === undefined) continue
    if (typeof value === 'string') headers[name] = value
    else if (!single.has(name)) headers[name] = value.join(', ')
    else {
      throw transferError('LW_TRANSFER_ANSWER', {
        detail: `${url.host} sent ${name} more than once.`,
      })
    }
  }
  return headers
}

/** Content-Length, `undefined` when absent. @throws LW_TRANSFER_ANSWER when it is no number */
export function contentLength(answer: Answer): number | undefined {
  const text = answer.headers['content-length']
  if (text === undefined) return undefined
  const bytes = Number(text)
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(bytes)) return bytes
  throw transferError('LW_TRANSFER_ANSWER', {
    detail: `${answer.url.host} sent a Content-Length that is not a number.`,
  })
}

/**
 * Bytes are compared with signed hashes as they travel, so nothing may unpack them on the way.
 * @throws LW_TRANSFER_ENCODED
 */
export function refuseCoding(answer: Answer): void {
  const coding = answer.headers['content-encoding']?.trim().toLowerCase()
  if (coding === undefined || coding === '' || coding === 'identity') return
  throw transferError('LW_TRANSFER_ENCODED', {
    detail: `${answer.url.host} sent ${JSON.stringify(coding.slice(0, 40))}.`,
  })
}

/** Gives the body up; the connection closes unless the body was already complete. */
export function discard(answer: Answer): void {
  answer.body.on('error', () => undefined)
  answer.body.destroy()
}

/** A strong entity tag (RFC 9110 §8.8.3), the only kind that If-Range takes. */
export function strongEtag(value: string | undefined): string | undefined {
  return value !== undefined && /^"[\x21\x23-\x7e]{0,256}"$/.test(value) ? value : undefined
}
