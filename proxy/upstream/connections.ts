import tls from 'node:tls'
import { type Dispatcher, Pool, ProxyAgent } from 'undici'
import type { ProxyChooser } from '../../transport/index.ts'
import { proxyLimits as limits } from '../limits.ts'
import type { ProxyMeasures } from '../measures.ts'

/** Small answers travel in one lane, content in the other, so that neither waits for the other. */
export type Lane = 'requests' | 'content'

/** What `UpstreamConnections` takes. */
export interface ConnectionsOptions {
  /** Connections to one origin, both lanes together. */
  readonly connectionsMax: number
  readonly chooseProxy: ProxyChooser
  /** More certificate authorities, PEM, beside the public ones. */
  readonly authorities: readonly string[]
  readonly measures: ProxyMeasures
}

/** How an origin is reached in one lane. */
export interface Way {
  readonly dispatcher: Dispatcher
  /** Scheme and host before the path, when a plain HTTP proxy stands between. */
  readonly pathPrefix: string
  readonly proxyFields: Readonly<Record<string, string>>
}

/**
 * Kept-open connections to each origin: HTTP/2 where an https origin offers it, HTTP/1.1 otherwise,
 * pipelined in the lane of requests. Nothing is opened before the first request.
 */
export class UpstreamConnections {
  readonly #options: ConnectionsOptions
  readonly #ways = new Map<string, Way>()

  constructor(options: ConnectionsOptions) {
    this.#options = options
  }

  to(origin: string, lane: Lane): Way {
    const { connectionsMax } = this.#options
    const used: Lane = connectionsMax === 1 ? 'requests' : lane
    const key = `${used} ${origin}`
    const kept = this.#ways.get(key)
    if (kept !== undefined) return kept
    const requests = Math.ceil(connectionsMax / 2)
    const connections = used === 'requests' ? requests : connectionsMax - requests
    const way = this.#make(new URL(origin), used, connections)
    this.#count(way.dispatcher)
    this.#ways.set(key, way)
    return way
  }

  /** Ends every connection, with whatever runs on it. */
  async destroy(): Promise<void> {
    const ways = [...this.#ways.values()]
    this.#ways.clear()
    await Promise.all(ways.map((way) => way.dispatcher.destroy()))
  }

  #make(url: URL, lane: Lane, connections: number): Way {
    const options = this.#poolOptions(lane, connections)
    const between = this.#options.chooseProxy(url)
    if (between === undefined) {
      return { dispatcher: new Pool(url.origin, options), pathPrefix: '', proxyFields: {} }
    }
    const { authorization } = between
    if (url.protocol === 'https:') {
      const dispatcher = new ProxyAgent({
        ...options,
        uri: between.origin,
        requestTls: this.#tls(),
        proxyTls: this.#tls(),
        ...(authorization === undefined ? {} : { token: authorization }),
      })
      return { dispatcher, pathPrefix: '', proxyFields: {} }
    }
    return {
      dispatcher: new Pool(between.origin, options),
      pathPrefix: url.origin,
      proxyFields: {
        host: url.host,
        ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }),
      },
    }
  }

  #poolOptions(lane: Lane, connections: number): Pool.Options {
    return {
      connections,
      allowH2: true,
      // One body at a time on an HTTP/1.1 connection: a large one would hold up those behind it.
      ...(lane === 'requests' ? { pipelining: limits.pipelinedRequests } : {}),
      headersTimeout: limits.upstreamSilenceMs,
      bodyTimeout: limits.upstreamSilenceMs,
      keepAliveTimeout: limits.keepAliveMs,
      keepAliveMaxTimeout: limits.keepAliveMsMax,
      maxHeaderSize: limits.responseHeaderBytesMax,
      connect: { ...this.#tls(), timeout: limits.connectTimeoutMs },
    }
  }

  #tls() {
    const { authorities } = this.#options
    return {
      minVersion: 'TLSv1.2',
      // Said aloud, because the environment can switch the default off.
      rejectUnauthorized: true,
      // A resumed session skips the check of the name.
      maxCachedSessions: 0,
      ...(authorities.length === 0 ? {} : { ca: [...tls.rootCertificates, ...authorities] }),
    } as const
  }

  #count(dispatcher: Dispatcher): void {
    const { measures } = this.#options
    dispatcher.on('connect', () => {
      measures.upstreamConnections += 1
      measures.upstreamConnectionsOpened += 1
    })
    dispatcher.on('disconnect', () => {
      measures.upstreamConnections -= 1
    })
  }
}
