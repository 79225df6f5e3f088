import { createHmac, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Header fields by lower-case name. */
export type Fields = Readonly<Record<string, string>>

/**
 * Request fields that go upstream with an update request, unchanged. It is a list of what passes,
 * so that no field that a connection names, and no forwarded address, can slip through (S66).
 */
const updateFields =
  /^(?:content-type|content-encoding|accept|user-agent|authorization|longwave-[a-z-]{1,64})$/

/** What says who asks: it goes to the origin that the request names, and nowhere else. */
const credentialFields = ['authorization', 'longwave-ticket'] as const
type CredentialField = (typeof credentialFields)[number]

const conditionFields = [
  'if-none-match',
  'if-match',
  'if-range',
  'range',
  'accept',
  'user-agent',
] as const

/** Response fields that go back to the tuner: end-to-end ones, no cookies. */
const answerFields =
  /^(?:content-type|content-encoding|content-range|content-disposition|cache-control|etag|last-modified|expires|date|vary|retry-after|www-authenticate|accept-ranges|repr-digest|content-digest|x-request-id|x-content-type-options|longwave-[a-z-]{1,64})$/

export function updateRequestFields(request: IncomingMessage): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers)) {
    if (typeof value === 'string' && updateFields.test(name)) fields[name] = value
  }
  return fields
}

/** The fields of a request that is handed through: conditions, ranges and credentials. */
export function relayedRequestFields(request: IncomingMessage): Record<string, string> {
  return { ...picked(request, conditionFields), ...picked(request, credentialFields) }
}

const none: Fields = {}

/** The credentials of a request alone. */
export function credentialsOf(request: IncomingMessage): Fields {
  // Most requests have none, and building Node's header object costs more than all the rest.
  return mayHaveCredentials(request.rawHeaders) ? picked(request, credentialFields) : none
}

function mayHaveCredentials(raw: readonly string[]): boolean {
  for (let at = 0; at < raw.length; at += 2) {
    const length = raw[at]?.length
    const isCandidate = credentialFields.some((name) => name.length === length)
    if (isCandidate && credentialFields.includes(raw[at]?.toLowerCase() as CredentialField)) {
      return true
    }
  }
  return false
}

function picked(request: IncomingMessage, names: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const name of names) {
    const value = request.headers[name]
    if (typeof value === 'string') fields[name] = value
  }
  return fields
}

/** Flat list of the response fields that a tuner gets, without the length. */
export function answerFieldList(headers: Fields): string[] {
  const list: string[] = []
  for (const [name, value] of Object.entries(headers)) {
    if (answerFields.test(name)) list.push(name, value)
  }
  return list
}

/** Whoever has no credentials. */
export const anonymous = ''

const secret = randomBytes(32)

/** Stands for somebody's credentials in memory; the credentials themselves are not kept. */
export function readerKey(credentials: Fields): string {
  if (credentials === none) return anonymous
  const named = Object.entries(credentials)
  if (named.length === 0) return anonymous
  return createHmac('sha256', secret).update(JSON.stringify(named)).digest('base64url')
}

/** Whether an answer may be shown to others than the one who asked (RFC 9111 §3). */
export function isSharable(headers: Fields): boolean {
  return isStorable(headers) && !hasDirective(headers, 'private')
}

/**
 * Whether an answer may be kept at all. A private one only where everybody who gets it later is
 * let through by the origin first.
 */
export function isStorable(headers: Fields): boolean {
  if (hasDirective(headers, 'no-store')) return false
  return headers['set-cookie'] === undefined && headers['vary'] !== '*'
}

function hasDirective(headers: Fields, directive: string): boolean {
  const list = (headers['cache-control'] ?? '').toLowerCase().split(',')
  return list.some((one) => one.split('=')[0]?.trim() === directive)
}

/** The `s-maxage` of an answer, else its `max-age`, in milliseconds. */
export function freshMs(headers: Fields): number {
  const directives = (headers['cache-control'] ?? '').toLowerCase()
  const shared = /(?:^|[\s,])s-maxage=(\d{1,9})/.exec(directives)
  const any = /(?:^|[\s,])max-age=(\d{1,9})/.exec(directives)
  return Number(shared?.[1] ?? any?.[1] ?? 0) * 1000
}
