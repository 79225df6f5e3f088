import type { Dispatcher } from 'undici'
import { type Answer, discard, readHeaders, refuseCoding } from './answer.ts'
import type { Connections } from './connections.ts'
import { transferError } from './errors.ts'
import { toTransferError } from './failures.ts'
import { transportLimits as limits } from './limits.ts'

/** Bytes of a request, made anew for every attempt. */
export type RequestBody = Uint8Array | (() => AsyncIterable<Uint8Array>)

/** One request, before redirects. */
export interface ExchangeRequest {
  readonly url: URL
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: RequestBody | undefined
  readonly signal: AbortSignal
  /** Longest wait for the head of the answer, when it may take longer than a stall. */
  readonly answerTimeoutMs?: number | undefined
  /** False for what may not even go on within the origin. */
  readonly mayRedirect?: boolean | undefined
}

/** What every request of one transport shares. */
export interface Network {
  readonly connections: Connections
  readonly userAgent: string
  readonly mayContact: (url: URL) => boolean
}

const redirects = new Set([301, 302, 303, 307, 308])

/**
 * Sends one request, follows allowed redirects and returns the head of the answer. The caller
 * reads or discards the body.
 * @throws LW_TRANSFER_*
 */
export async function exchange(network: Network, request: ExchangeRequest): Promise<Answer> {
  let at = request
  for (let hops = 0; ; hops += 1) {
    const answer = await send(network, at)
    if (!redirects.has(answer.status)) {
      return checked(answer)
    }
    discard(answer)
    if (hops === limits.redirectsMax) {
      throw transferError('LW_TRANSFER_REDIRECT', { detail: `More than ${hops} redirects.` })
    }
    at = redirected(at, answer)
  }
}

function checked(answer: Answer): Answer {
  try {
    refuseCoding(answer)
    return answer
  } catch (error) {
    discard(answer)
    throw error
  }
}

async function send(network: Network, request: ExchangeRequest): Promise<Answer> {
  const { url } = request
  if (!network.mayContact(url)) {
    throw transferError('LW_TRANSFER_ORIGIN', { detail: `Server: ${url.origin}.` })
  }
  const { dispatcher, pathPrefix, proxyHeaders } = await network.connections.to(url)
  // Connections that were made after the end of all would stay.
  request.signal.throwIfAborted()
  let data: Dispatcher.ResponseData
  try {
    data = await dispatcher.request({
      origin: url.origin,
      path: `${pathPrefix}${url.pathname}${url.search}`,
      method: request.method,
      headers: {
        'user-agent': network.userAgent,
        'accept-encoding': 'identity',
        ...request.headers,
        ...proxyHeaders,
      },
      body: bodyOf(request.body),
      signal: request.signal,
      onInfo: countInterim(url),
      ...(request.answerTimeoutMs === undefined ? {} : { headersTimeout: request.answerTimeoutMs }),
    })
  } catch (cause) {
    throw request.signal.aborted ? request.signal.reason : proxyRefusal(cause, url)
  }
  return headOf(data, request)
}

/**
 * Interim answers (RFC 9110 15.2) begin the wait for the head anew, so that a server could go on
 * with them for ever: only so many are taken.
 */
function countInterim(url: URL): () => void {
  let count = 0
  return () => {
    count += 1
    if (count <= limits.interimAnswersMax) return
    throw transferError('LW_TRANSFER_ENDLESS', {
      detail: `${url.host} sends interim answers and no other.`,
    })
  }
}

function headOf(data: Dispatcher.ResponseData, request: ExchangeRequest): Answer {
  try {
    const headers = readHeaders(data.headers, request.url)
    return { url: request.url, status: data.statusCode, headers, body: data.body }
  } catch (error) {
    data.body.on('error', () => undefined)
    data.body.destroy()
    throw error
  }
}

/** The client reports a refused CONNECT only in words. */
function proxyRefusal(cause: unknown, url: URL): Error {
  const refused =
    cause instanceof Error && /^Proxy response \((\d{3})\) !== 200/.exec(cause.message)?.[1]
  if (typeof refused !== 'string') return toTransferError(cause, url)
  const status = Number(refused)
  const detail = `It answered ${status} for ${url.host}.`
  return status >= 500
    ? transferError('LW_TRANSFER_UNREACHABLE', { detail: `Through the proxy. ${detail}`, cause })
    : transferError('LW_TRANSFER_PROXY_DENIED', { detail, cause })
}

type ClientBody = NonNullable<Dispatcher.DispatchOptions['body']>

function bodyOf(body: RequestBody | undefined): ClientBody | null {
  if (body === undefined) return null
  if (body instanceof Uint8Array) return body
  // The client takes any async iterable; its types name only the stream.
  return body() as ClientBody
}

/** Follows within an origin, or from http to https on the same host; nothing else. */
function redirected(from: ExchangeRequest, answer: Answer): ExchangeRequest {
  const location = answer.headers['location']
  const refuse = (why: string) =>
    transferError('LW_TRANSFER_REDIRECT', {
      detail: `${from.url.origin} answered ${answer.status}${why}.`,
    })
  if (from.mayRedirect === false) throw refuse(' where no redirect is followed')
  if (location === undefined || location.length > limits.urlCharactersMax) {
    throw refuse(' without a usable address')
  }
  if (!URL.canParse(location, from.url.href)) throw refuse(' with a broken address')
  const to = new URL(location, from.url)
  to.hash = ''
  const sameOrigin = to.origin === from.url.origin
  const upgrade =
    from.url.protocol === 'http:' && to.protocol === 'https:' && to.hostname === from.url.hostname
  if (to.username !== '' || to.password !== '' || !(sameOrigin || upgrade)) {
    throw refuse(`, pointing to ${to.protocol}//${to.host}`)
  }
  if (from.method !== 'GET' && from.method !== 'HEAD') {
    throw refuse(` to a ${from.method}; use ${to.origin} directly`)
  }
  return { ...from, url: to, headers: sameOrigin ? from.headers : withoutSecrets(from.headers) }
}

const secrets = /^(authorization|cookie|proxy-authorization|longwave-.*)$/

function withoutSecrets(
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !secrets.test(name)))
}
