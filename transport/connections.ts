import type { Dispatcher, Pool } from 'undici'
import { transferError } from './errors.ts'
import { transportLimits as limits } from './limits.ts'
import type { HttpProxy, ProxyChooser } from './proxy-environment.ts'
import type { TlsConnectOptions } from './tls-options.ts'

/** How one origin is reached. */
export interface Connection {
  readonly dispatcher: Dispatcher
  /** Scheme and host that stand before the path, when a plain proxy wants an absolute URI. */
  readonly pathPrefix: string
  /** Headers that only the proxy gets. */
  readonly proxyHeaders: Readonly<Record<string, string>>
}

/** What `createConnections` takes. */
export interface ConnectionsOptions {
  readonly chooseProxy: ProxyChooser
  readonly tls: TlsConnectOptions
  readonly connectionsPerOrigin: number
  readonly connectTimeoutMs: number
  readonly stallTimeoutMs: number
}

/** Kept-open connections per origin, the longest unused one given up when there are too many. */
export interface Connections {
  to(url: URL): Promise<Connection>
  /** Ends every connection at once, with whatever runs on it. */
  destroy(): Promise<void>
}

type Client = typeof import('undici')

/** Opens nothing until the first request, and loads the client then: it is large. */
export function createConnections(options: ConnectionsOptions): Connections {
  const pools = new Map<string, Dispatcher>()
  const pool = (key: string, make: () => Dispatcher): Dispatcher => {
    const kept = pools.get(key)
    if (kept !== undefined) {
      pools.delete(key)
      pools.set(key, kept)
      return kept
    }
    giveUpOldest(pools)
    const made = make()
    pools.set(key, made)
    return made
  }
  return {
    async to(url) {
      const client = await import('undici')
      const proxy = options.chooseProxy(url)
      if (proxy === undefined) {
        const dispatcher = pool(url.origin, () => new client.Pool(url.origin, poolOptions(options)))
        return { dispatcher, pathPrefix: '', proxyHeaders: {} }
      }
      const way = { client, pool, proxy, options }
      return url.protocol === 'https:' ? tunnel(url, way) : forward(url, way)
    },
    async destroy() {
      const all = [...pools.values()]
      pools.clear()
      await Promise.all(all.map((one) => one.destroy()))
    },
  }
}

/** What both kinds of proxies need. */
interface Way {
  readonly client: Client
  readonly pool: (key: string, make: () => Dispatcher) => Dispatcher
  readonly proxy: HttpProxy
  readonly options: ConnectionsOptions
}

/** RFC 9112 §3.2.2: a plain request to a proxy carries the absolute URI. */
function forward(url: URL, { client, pool, proxy, options }: Way): Connection {
  const dispatcher = pool(
    `forward ${proxy.origin}`,
    () => new client.Pool(proxy.origin, poolOptions(options)),
  )
  const credentials =
    proxy.authorization === undefined ? {} : { 'proxy-authorization': proxy.authorization }
  return {
    dispatcher,
    pathPrefix: url.origin,
    proxyHeaders: { host: url.host, ...credentials },
  }
}

/** RFC 9110 §9.3.6: TLS goes through a CONNECT tunnel; the proxy sees only host and port. */
function tunnel(url: URL, { client, pool, proxy, options }: Way): Connection {
  const dispatcher = pool(`tunnel ${proxy.origin} ${url.origin}`, () => {
    try {
      return new client.ProxyAgent({
        ...poolOptions(options),
        uri: proxy.origin,
        requestTls: { ...options.tls },
        proxyTls: { ...options.tls },
        ...(proxy.authorization === undefined ? {} : { token: proxy.authorization }),
      })
    } catch (cause) {
      throw transferError('LW_TRANSFER_PROXY', { cause })
    }
  })
  return { dispatcher, pathPrefix: '', proxyHeaders: {} }
}

function poolOptions(options: ConnectionsOptions): Pool.Options {
  return {
    connections: options.connectionsPerOrigin,
    pipelining: 1,
    headersTimeout: options.stallTimeoutMs,
    bodyTimeout: options.stallTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    keepAliveMaxTimeout: limits.keepAliveMsMax,
    maxHeaderSize: limits.responseHeaderBytesMax,
    connect: { ...options.tls, timeout: options.connectTimeoutMs },
  }
}

function giveUpOldest(pools: Map<string, Dispatcher>): void {
  if (pools.size < limits.originsMax) return
  const oldest = pools.entries().next().value
  if (oldest === undefined) return
  pools.delete(oldest[0])
  // Lets what runs on it finish; nothing waits for that.
  oldest[1].close().catch(() => undefined)
}
