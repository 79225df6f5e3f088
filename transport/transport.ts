import { setMaxListeners } from 'node:events'
import type { BandwidthLimit } from './bandwidth.ts'
import type { CallContext } from './call.ts'
import { type RandomFraction, systemClock, type TransportClock } from './clock.ts'
import { createConnections } from './connections.ts'
import { transferError } from './errors.ts'
import { transportLimits as limits } from './limits.ts'
import {
  fetchBytes,
  fetchConditional,
  fetchToSink,
  postForStream,
  postJson,
  upload,
} from './operations.ts'
import { readProxyEnvironment } from './proxy-environment.ts'
import { parseRequestUrl } from './request-url.ts'
import type {
  BytesAnswer,
  BytesRequest,
  ConditionalAnswer,
  ConditionalRequest,
  JsonRequest,
  SinkRequest,
  StreamRequest,
  UploadRequest,
} from './requests.ts'
import type { RetryPolicy } from './retries.ts'
import type { SinkReport } from './sink-download.ts'
import { type TlsTrust, tlsConnectOptions } from './tls-options.ts'

/** Brings bytes over HTTP: bounded, patient, and never anywhere it was not sent. */
export interface Transport extends AsyncDisposable {
  /** @throws LW_TRANSFER_*, or the server's own code */
  fetchBytes(url: string | URL, options: BytesRequest): Promise<BytesAnswer>
  /** GET with If-None-Match; 304 when the entity tag still holds. */
  fetchConditional(url: string | URL, options: ConditionalRequest): Promise<ConditionalAnswer>
  /** Downloads into a sink; after a break it continues where it stopped. */
  fetchToSink(url: string | URL, options: SinkRequest): Promise<SinkReport>
  /**
   * POSTs a question and hands its answer on while it comes. Nothing is repeated: what was taken
   * before a break is the caller's to make something of.
   */
  postForStream(url: string | URL, options: StreamRequest): Promise<void>
  /** POSTs a JSON document. */
  postJson(url: string | URL, options: JsonRequest): Promise<BytesAnswer>
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
    fetchBytes: async (url, request) => fetchBytes(context, parseRequestUrl(url), request),
    fetchConditional: async (url, request) =>
      fetchConditional(context, parseRequestUrl(url), request),
    fetchToSink: async (url, request) => fetchToSink(context, parseRequestUrl(url), request),
    postForStream: async (url, request) => postForStream(context, parseRequestUrl(url), request),
    postJson: async (url, request) => postJson(context, parseRequestUrl(url), request),
    upload: async (url, request) => upload(context, parseRequestUrl(url), request),
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
