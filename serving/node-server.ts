import http from 'node:http'
import https from 'node:https'
import { servingLimits as limits } from './limits.ts'

/** Certificate and key of a server that speaks TLS itself. */
export interface ServerTls {
  /** PEM. */
  readonly certificate: string
  readonly key: string
}

/** Times that tests change; milliseconds. */
export interface NodeServerTimeouts {
  readonly headersMs?: number
  readonly requestMs?: number
  readonly connectionsCheckMs?: number
  readonly keepAliveMs?: number
  readonly idleSocketMs?: number
}

/** Node's server with every limit set: most of its defaults are "none". */
export function createNodeServer(
  listener: http.RequestListener,
  options: { readonly tls?: ServerTls; readonly timeouts?: NodeServerTimeouts } = {},
): http.Server {
  const { tls, timeouts = {} } = options
  const settings: http.ServerOptions = {
    headersTimeout: timeouts.headersMs ?? limits.headersTimeoutMs,
    requestTimeout: timeouts.requestMs ?? limits.requestTimeoutMs,
    connectionsCheckingInterval: timeouts.connectionsCheckMs ?? limits.connectionsCheckMs,
    keepAliveTimeout: timeouts.keepAliveMs ?? limits.keepAliveTimeoutMs,
    maxHeaderSize: limits.headerBytesMax,
    insecureHTTPParser: false,
    // `createFront` does it, with an answer of our own.
    requireHostHeader: false,
    noDelay: true,
  }
  const server =
    tls === undefined
      ? http.createServer(settings, listener)
      : https.createServer(
          { ...settings, cert: tls.certificate, key: tls.key, minVersion: 'TLSv1.2' },
          listener,
        )
  server.timeout = timeouts.idleSocketMs ?? limits.idleSocketMs
  server.maxHeadersCount = limits.headersMax
  server.maxRequestsPerSocket = limits.requestsPerSocketMax
  server.maxConnections = limits.connectionsMax
  return server
}
