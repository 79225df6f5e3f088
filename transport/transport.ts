import { setMaxListeners } from 'node:events'
import { type AnswerHeaders, strongEtag } from './answer.ts'
import type { BandwidthLimit } from './bandwidth.ts'
import { type CallContext, exchangeOk, readBytes, retrying, withSignal } from './call.ts'
import { type RandomFraction, systemClock, type TransportClock } from './clock.ts'
import { createConnections } from './connections.ts'
import { transferError } from './errors.ts'
import type { ExchangeRequest, RequestBody } from './exchange.ts'
import { transportLimits as limits } from './limits.ts'
import { readProxyEnvironment } from './proxy-environment.ts'
import { requestHeaders } from './request-headers.ts'
import type { RetryPolicy } from './retries.ts'
import {
  downloadToSink,
  type ResumePoint,
  type SinkReport,
  type TransferProgress,
  type TransferSink,
} from './sink-download.ts'
import { type TlsTrust, tlsConnectOptions } from './tls-options.ts'
import { uploadBody } from './upload-body.ts'

/** What every request takes. */
export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** Value of Authorization; it is dropped when a redirect leaves the origin. */
  readonly authorization?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Longest wait for the head of the answer, for long polls; the stall time otherwise. */
  readonly answerTimeoutMs?: number
}

/** A request whose answer is kept in memory. */
export interface BytesRequest extends RequestOptions {
  /** The answer is given up at the next byte: LW_TRANSFER_ENDLESS. */
  readonly bytesMax: number
  readonly method?: ExchangeRequest['method']
  readonly body?: Uint8Array
  /** Whether repeating it does no harm; by default for GET and HEAD only. */
  readonly idempotent?: boolean
  /** Statuses besides 2xx that are returned instead of thrown. */
  readonly acceptStatus?: readonly number[]
  /** From the first attempt to the last byte. */
  readonly timeoutMs?: number
}

/** An answer in memory. */
export interface BytesAnswer {
  readonly status: number
  readonly headers: AnswerHeaders
  readonly bytes: Buffer
}

/** What a conditional request found. */
export type ConditionalAnswer =
  | { readonly status: 304 }
  | (BytesAnswer & { readonly status: 200; readonly etag: string | undefined })

/** A download that continues where it stopped. */
export interface SinkRequest extends RequestOptions {
  /** The exact length, when it is known; any other is refused. */
  readonly expectedBytes?: number
  readonly bytesMax: number
  /**
   * The URL's bytes never change (it names their hash), so a part may be asked for without an
   * entity tag.
   */
  readonly immutable?: boolean
  readonly resume?: ResumePoint
  readonly sink: TransferSink
  readonly onProgress?: (progress: TransferProgress) => void
}

/** A request with a streamed body. */
export interface UploadRequest extends RequestOptions {
  readonly method?: 'POST' | 'PUT' | 'PATCH'
  readonly contentType: string
  /** Makes the body, once per attempt. */
  readonly body: () => AsyncIterable<Uint8Array>
  /** Its exact length, when it is known. */
  readonly contentBytes?: number
  readonly idempotent?: boolean
  readonly acceptStatus?: readonly number[]
  /** Bytes of the answer. */
  readonly bytesMax: number
  readonly onProgress?: (sentBytes: number) => void
}

/** Brings bytes over HTTP: bounded, patient, and never anywhere it was not sent. */
export interface Transport extends AsyncDisposable {
  /** @throws LW_TRANSFER_*, or the server's own code */
  fetchBytes(url: string | URL, options: BytesRequest): Promise<BytesAnswer>
  /** GET with If-None-Match; 304 when the entity tag still holds. */
  fetchConditional(
    url: string | URL,
    options: RequestOptions & { readonly etag: string | undefined; readonly bytesMax: number },
  ): Promise<ConditionalAnswer>
  /** Downloads into a sink; after a break it continues where it stopped. */
  fetchToSink(url: string | URL, options: SinkRequest): Promise<SinkReport>
  /** POSTs a JSON document. */
  postJson(
    url: string | URL,
    options: Omit<BytesRequest, 'method' | 'body'> & {
      readonly json: unknown
      readonly contentType?: string
    },
  ): Promise<BytesAnswer>
  /** Sends a streamed body. */
  upload(url: string | URL, options: UploadRequest): Promise<BytesAnswer>
  /** Ends whatever runs (LW_TRANSFER_ABORTED) and closes all connections. */
  stop(): Promise<void>
}

/** Times that tests and special links change; milliseconds. */
export interface TransportTimeouts {
  readonly connectMs?: number
  readonly stallMs?: number
  readonly documentMs?: number
  readonly paceBytesPerSecondMin?: number
  readonly paceWindowMs?: number
}

/** What `createTransport` takes. */
export interface TransportOptions {
  readonly userAgent: string
  /** Where http_proxy and its like are read; none are honoured without it. */
  readonly proxyEnvironment?: Readonly<Record<string, string | undefined>>
  readonly connectionsPerOrigin?: number
  readonly clock?: TransportClock
  readonly random?: RandomFraction
  readonly bandwidth?: BandwidthLimit | undefined
  readonly tls?: TlsTrust
  readonly retry?: RetryPolicy
  /** Origins that may be contacted; all when absent. Redirects are held to it as well. */
  readonly allowedOrigins?: readonly string[]
  readonly timeouts?: TransportTimeouts
}

/**
 * Makes a transport; nothing is opened before the first request.
 * @throws LW_TRANSFER_PROXY, LW_TRANSFER_TLS when a setting cannot be used
 */
export function createTransport(options: TransportOptions): Transport {
  const stopping = new AbortController()
  // Every call listens while it runs; their number is the caller's to limit.
  setMaxListeners(0, stopping.signal)
  const context = createContext(options, stopping.signal)
  const stop = async () => {
    stopping.abort(transferError('LW_TRANSFER_ABORTED'))
    await context.network.connections.destroy()
  }
  return {
    fetchBytes: async (url, request) => fetchBytes(context, parseUrl(url), request),
    fetchConditional: async (url, request) => fetchConditional(context, parseUrl(url), request),
    fetchToSink: async (url, request) => fetchToSink(context, parseUrl(url), request),
    async postJson(url, { json, contentType, ...request }) {
      const headers = { ...request.headers, 'content-type': contentType ?? 'application/json' }
      const body = Buffer.from(JSON.stringify(json))
      return fetchBytes(context, parseUrl(url), { ...request, method: 'POST', headers, body })
    },
    upload: async (url, request) => upload(context, parseUrl(url), request),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function createContext(options: TransportOptions, stopped: AbortSignal): CallContext {
  const { timeouts } = options
  const connectionsPerOrigin = options.connectionsPerOrigin ?? limits.connectionsPerOriginDefault
  const allowed =
    options.allowedOrigins === undefined
      ? undefined
      : new Set(options.allowedOrigins.map((origin) => new URL(origin).origin))
  return {
    network: {
      connections: createConnections({
        chooseProxy: readProxyEnvironment(options.proxyEnvironment ?? {}),
        tls: tlsConnectOptions(options.tls),
        connectionsPerOrigin: Math.min(connectionsPerOrigin, limits.connectionsPerOriginMax),
        connectTimeoutMs: timeouts?.connectMs ?? limits.connectTimeoutMs,
        stallTimeoutMs: timeouts?.stallMs ?? limits.stallTimeoutMs,
      }),
      userAgent: options.userAgent,
      mayContact: (url) => allowed === undefined || allowed.has(url.origin),
    },
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    retry: options.retry ?? {},
    pace: {
      bytesPerSecondMin: timeouts?.paceBytesPerSecondMin ?? limits.paceBytesPerSecondMin,
      windowMs: timeouts?.paceWindowMs ?? limits.paceWindowMs,
    },
    bandwidth: options.bandwidth,
    documentTimeoutMs: timeouts?.documentMs ?? limits.documentTimeoutMs,
    stopped,
  }
}

function parseUrl(text: string | URL): URL {
  const refuse = (why: string) =>
    transferError('LW_TRANSFER_URL', { detail: `${JSON.stringify(String(text))} ${why}.` })
  const tooLong = String(text).length > limits.urlCharactersMax
  if (tooLong) throw transferError('LW_TRANSFER_URL', { detail: 'It is too long.' })
  if (!URL.canParse(String(text))) throw refuse('is not absolute')
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw refuse('is neither http nor https')
  }
  if (url.username !== '' || url.password !== '') {
    throw transferError('LW_TRANSFER_URL', { detail: 'It carries credentials.' })
  }
  url.hash = ''
  return url
}

async function fetchBytes(
  context: CallContext,
  url: URL,
  options: BytesRequest,
): Promise<BytesAnswer> {
  const method = options.method ?? 'GET'
  const timeoutMs = options.timeoutMs ?? context.documentTimeoutMs
  return withSignal(context, { signal: options.signal, timeoutMs }, (signal) =>
    retrying({
      context,
      url,
      signal,
      idempotent: options.idempotent ?? (method === 'GET' || method === 'HEAD'),
      attempt: async () => {
        const request = {
          url,
          method,
          headers: requestHeaders(options),
          body: options.body,
          signal,
          answerTimeoutMs: options.answerTimeoutMs,
        }
        return receive(context, request, options)
      },
    }),
  )
}

async function receive(
  context: CallContext,
  request: ExchangeRequest,
  options: { readonly bytesMax: number; readonly acceptStatus?: readonly number[] },
): Promise<BytesAnswer> {
  const answer = await exchangeOk(context, request, options.acceptStatus)
  const { signal, method } = request
  const bytes = await readBytes(context, { answer, signal, bytesMax: options.bytesMax, method })
  return { status: answer.status, headers: answer.headers, bytes }
}

async function fetchConditional(
  context: CallContext,
  url: URL,
  options: RequestOptions & { readonly etag: string | undefined; readonly bytesMax: number },
): Promise<ConditionalAnswer> {
  const { etag, ...request } = options
  const condition = etag === undefined ? {} : { 'if-none-match': etag }
  const answer = await fetchBytes(context, url, {
    ...request,
    headers: { ...options.headers, ...condition },
    acceptStatus: etag === undefined ? [] : [304],
  })
  if (answer.status === 304) return { status: 304 }
  if (answer.status !== 200) {
    throw transferError('LW_TRANSFER_ANSWER', {
      detail: `${url.host} answered ${answer.status} to a conditional request.`,
    })
  }
  return { ...answer, status: 200, etag: strongEtag(answer.headers['etag']) }
}

async function fetchToSink(
  context: CallContext,
  url: URL,
  options: SinkRequest,
): Promise<SinkReport> {
  return withSignal(context, { signal: options.signal }, (signal) =>
    downloadToSink(context, {
      url,
      headers: requestHeaders(options),
      expectedBytes: options.expectedBytes,
      bytesMax: options.bytesMax,
      immutable: options.immutable ?? false,
      resume: options.resume,
      sink: options.sink,
      onProgress: options.onProgress,
      signal,
    }),
  )
}

async function upload(
  context: CallContext,
  url: URL,
  options: UploadRequest,
): Promise<BytesAnswer> {
  const length =
    options.contentBytes === undefined ? {} : { 'content-length': String(options.contentBytes) }
  const headers = requestHeaders({
    ...options,
    headers: { ...options.headers, 'content-type': options.contentType, ...length },
  })
  return withSignal(context, { signal: options.signal }, (signal) =>
    retrying({
      context,
      url,
      signal,
      idempotent: options.idempotent ?? false,
      attempt: async () => {
        const source = uploadBody({
          source: options.body,
          bandwidth: context.bandwidth,
          signal,
          onProgress: options.onProgress,
        })
        const request = {
          url,
          method: options.method ?? 'POST',
          headers,
          body: source.body satisfies RequestBody,
          signal,
          answerTimeoutMs: options.answerTimeoutMs,
        }
        try {
          return await receive(context, request, options)
        } catch (error) {
          throw source.failure() ?? error
        }
      },
    }),
  )
}
