import path from 'node:path'
import type { Logger } from 'pino'
import { version } from '../protocol/index.ts'
import {
  addHealth,
  createHttpServer,
  createLogger,
  type HttpServer,
  type ListenAddress,
  type ServerTls,
} from '../serving/index.ts'
import { type FileSystem, nodeFileSystem } from '../store/durable-files/index.ts'
import { readProxyEnvironment } from '../transport/index.ts'
import { BundleMaker, KnownReleases } from './bundles/index.ts'
import { ContentCache } from './cache/index.ts'
import { Channels, TrustCache } from './channels/index.ts'
import { Content } from './content/index.ts'
import type { ProxyContext } from './context.ts'
import { proxyLimits as limits } from './limits.ts'
import { createMeasures } from './measures.ts'
import { Offers } from './offers.ts'
import { Origins } from './origins.ts'
import { addViaRoutes } from './routes.ts'
import { addStatus } from './status.ts'
import { addUpdateRoute } from './updates.ts'
import { Upstream, UpstreamConnections } from './upstream/index.ts'

export interface ProxyOptions {
  /** Everything that the proxy keeps lies here. */
  readonly directory: string
  readonly listen: ListenAddress
  /** URLs of the transmitters that may be reached: `http(s)://host[:port][/prefix]`. */
  readonly origins: readonly string[]
  /** Bytes of cached content on disk. */
  readonly budgetBytes?: number
  /** Connections to one origin; 4 when absent. */
  readonly upstreamConnectionsMax?: number
  /** Where http_proxy and its like are read; none are honoured without it. */
  readonly proxyEnvironment?: Readonly<Record<string, string | undefined>>
  /** More certificate authorities for origins, PEM. */
  readonly authorities?: readonly string[]
  readonly tls?: ServerTls
  readonly clock?: { now(): number }
  readonly fileSystem?: FileSystem
  readonly logger?: Logger
}

/** A proxy: carries update requests to transmitters, and what they answer once for everybody. */
export interface ProxyServer extends AsyncDisposable {
  /** Opens the cache and listens. @returns the URL, without a trailing slash. */
  start(): Promise<string>
  /** Lets what runs finish, then closes everything. */
  stop(): Promise<void>
}

/**
 * Makes a proxy; nothing is opened before `start`.
 * @throws LW_PROXY_ORIGIN_UNFIT
 */
export function createProxy(options: ProxyOptions): ProxyServer {
  return new ProxyService(options)
}

class ProxyService implements ProxyServer {
  readonly #options: ProxyOptions
  readonly #origins: Origins
  #server: HttpServer | undefined
  #connections: UpstreamConnections | undefined
  #content: Content | undefined
  #maker: BundleMaker | undefined
  #releases: KnownReleases | undefined
  #stopped: Promise<void> | undefined

  constructor(options: ProxyOptions) {
    this.#options = options
    this.#origins = new Origins(options.origins)
  }

  async start(): Promise<string> {
    const context = this.#open()
    const { directory, budgetBytes } = this.#options
    const fs = this.#options.fileSystem ?? nodeFileSystem
    const cache = new ContentCache({
      directory: path.join(directory, 'cache'),
      fileSystem: fs,
      budgetBytes: budgetBytes ?? limits.budgetBytesDefault,
      clock: context.clock,
      measures: context.measures,
    })
    await cache.open()
    const trust = new TrustCache()
    const channels = new Channels(context, trust)
    const releases = new KnownReleases({ fileSystem: fs, directory })
    await releases.open()
    this.#releases = releases
    const making = path.join(directory, 'making')
    const maker = new BundleMaker({ context, cache, releases, fileSystem: fs, directory: making })
    await maker.open()
    this.#maker = maker
    const content = new Content(context, cache, (channel, rest) => maker.owns(channel, rest))
    this.#content = content
    const offers = new Offers(context, maker, releases)
    addViaRoutes({ context, channels, content, trust, offers })
    addUpdateRoute(context)
    addHealth(context.server, {
      service: 'proxy',
      version,
      checks: { cache: () => ({ ok: cache.isUsable }) },
    })
    addStatus({ context, cache, channels, content })
    return context.server.listen(this.#options.listen)
  }

  #open(): ProxyContext {
    const options = this.#options
    const measures = createMeasures()
    const server = createHttpServer({
      logger: options.logger ?? createLogger({ name: 'proxy' }),
      ...(options.tls === undefined ? {} : { tls: options.tls }),
    })
    this.#server = server
    const connections = new UpstreamConnections({
      connectionsMax: Math.max(
        1,
        Math.min(
          options.upstreamConnectionsMax ?? limits.upstreamConnectionsDefault,
          limits.upstreamConnectionsMax,
        ),
      ),
      chooseProxy: readProxyEnvironment(options.proxyEnvironment ?? {}),
      authorities: options.authorities ?? [],
      measures,
    })
    this.#connections = connections
    return {
      server,
      logger: server.logger,
      measures,
      origins: this.#origins,
      upstream: new Upstream(connections, measures),
      clock: options.clock ?? { now: () => Date.now() },
    }
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#close()
    return this.#stopped
  }

  async #close(): Promise<void> {
    await this.#server?.stop()
    await this.#content?.stop()
    await this.#maker?.stop()
    await this.#releases?.saved()
    await this.#connections?.destroy()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}
