import path from 'node:path'
import type { Logger } from 'pino'
import {
  type ChannelName,
  limits as formatLimits,
  parseManifestInSlices,
  repeaterBase,
} from '../protocol/index.ts'
import { ChannelCatalogue } from '../serving/channels/index.ts'
import {
  createHttpServer,
  createLogger,
  type HttpServer,
  type ListenAddress,
  type ServerTls,
} from '../serving/index.ts'
import {
  acquireLock,
  ensureDirectory,
  type FileSystem,
  type FolderLock,
  nodeFileSystem,
  removeTree,
} from '../store/durable-files/index.ts'
import { createFileObjectStore } from '../store/objects/index.ts'
import { openServerRecords, type ServerRecords } from '../store/server-records/index.ts'
import { systemClock, type Transport, type TransportClock } from '../transport/index.ts'
import { addBundleRoutes, BundleCache } from './bundles/index.ts'
import type { MirrorContext, ServedRelease, WantedChannel } from './context.ts'
import { repeaterError } from './errors.ts'
import { repeaterLimits as limits } from './limits.ts'
import { keptBundlesFolder } from './mirror/index.ts'
import { OriginFollower } from './origin/index.ts'
import { addReadingRoutes } from './reading/index.ts'
import { addStatus } from './status.ts'
import { collectGarbage, Compressor } from './upkeep/index.ts'

export interface RepeaterOptions {
  /** Everything that the repeater keeps lies here. */
  readonly directory: string
  /** The transmitter's base URL. */
  readonly origin: string
  readonly transport: Transport
  readonly listen: ListenAddress
  /** The channels to mirror; all that the origin shows when absent. */
  readonly channels?: readonly WantedChannel[]
  /** The URL under which publishers list this repeater; the one that is listened on when absent. */
  readonly publicUrl?: string
  /** What the origin's administrator gave out; without one it is a mirror that nobody waits for. */
  readonly token?: string | undefined
  readonly tls?: ServerTls
  readonly clock?: TransportClock
  readonly fileSystem?: FileSystem
  readonly logger?: Logger
}

/** A repeater: a transmitter that mirrors channels of an origin and holds no keys. */
export interface Repeater extends AsyncDisposable {
  /**
   * Opens the stores, listens, and begins to follow the origin, which need not be reachable.
   * @returns the URL, without a trailing slash
   * @throws LW_REPEATER_ORIGIN, LW_STORE_LOCKED, LW_SERVE_…
   */
  start(): Promise<string>
  /** Compares every channel with the origin now and waits for it. */
  sync(): Promise<void>
  /** Lets what runs finish, then closes everything. */
  stop(): Promise<void>
}

/** Makes a repeater; nothing is opened before `start`. */
export function createRepeater(options: RepeaterOptions): Repeater {
  return new RepeaterService(options)
}

interface Running {
  readonly context: MirrorContext
  readonly server: HttpServer
  readonly channels: ChannelCatalogue
  readonly follower: OriginFollower
  readonly bundles: BundleCache
  readonly compressor: Compressor
}

class RepeaterService implements Repeater {
  readonly #options: RepeaterOptions
  readonly #abort = new AbortController()
  #lock: FolderLock | undefined
  #records: ServerRecords | undefined
  #running: Running | undefined
  #loops: Promise<unknown> = Promise.resolve()
  #stopped: Promise<void> | undefined
  #url = ''

  constructor(options: RepeaterOptions) {
    this.#options = options
  }

  async start(): Promise<string> {
    try {
      const running = await this.#open()
      this.#running = running
      const { context, server, channels, follower, bundles, compressor } = running
      const serving = { ...context, server, catalogue: channels }
      addBundleRoutes(serving, bundles)
      addReadingRoutes(serving, compressor)
      addStatus({ ...running, publicUrl: () => this.#publicUrl() })
      await channels.refresh()
      follower.resume()
      this.#url = await server.listen(this.#options.listen)
      this.#loops = Promise.all([follower.run(), this.#collectGarbage(context)])
      return this.#url
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  #publicUrl(): string {
    return repeaterBase(this.#options.publicUrl ?? this.#url) ?? this.#url
  }

  async #open(): Promise<Running> {
    const { directory, transport } = this.#options
    const origin = repeaterBase(this.#options.origin)
    if (origin === undefined) {
      throw repeaterError('LW_REPEATER_ORIGIN', {
        detail: `${JSON.stringify(this.#options.origin.slice(0, 200))}.`,
      })
    }
    const fs = this.#options.fileSystem ?? nodeFileSystem
    const clock = this.#options.clock ?? systemClock
    await ensureDirectory(fs, directory, { mode: 0o700 })
    this.#lock = await acquireLock(nodeFileSystem, directory)
    const records = await openServerRecords({ url: `sqlite:${path.join(directory, 'records.db')}` })
    this.#records = records
    const objects = createFileObjectStore({ directory, fileSystem: fs })
    await objects.tidy({ partialsUntouchedSinceMs: clock.now() - limits.partialLifetimeMs })
    await removeTree(fs, path.join(directory, keptBundlesFolder))
    const logger = this.#options.logger ?? createLogger({ name: 'repeater' })
    const server = createHttpServer({
      logger,
      ...(this.#options.tls === undefined ? {} : { tls: this.#options.tls }),
    })
    const context: MirrorContext = {
      fs,
      directory,
      records,
      objects,
      transport,
      clock,
      origin: { url: origin, token: this.#options.token },
      received: { metadata: 0, content: 0 },
      signal: this.#abort.signal,
      onServed: (name) => channels.reload(name),
      onRelease: (served) => this.#onRelease(served),
    }
    // Before the first comparison all that is known is when the metadata were signed.
    const channels = new ChannelCatalogue({
      ...context,
      server,
      loadManifest: async (digest) =>
        parseManifestInSlices(
          await objects.load(digest, { bytesMax: formatLimits.manifestBytesMax }),
        ),
      ageMs(name) {
        const confirmedAtMs = follower.mirrors.get(name)?.state.confirmedAtMs ?? 0
        return clock.now() - (confirmedAtMs === 0 ? issuedAtMs(name) : confirmedAtMs)
      },
    })
    const issuedAtMs = (name: ChannelName): number => channels.find(name)?.issuedAtMs ?? 0
    const follower = new OriginFollower({
      context,
      channels,
      logger,
      wanted: this.#options.channels,
      publicUrl: () => this.#publicUrl(),
    })
    const bundles = new BundleCache(context)
    const compressor = new Compressor({ objects, logger })
    return { context, server, channels, follower, bundles, compressor }
  }

  /** Tuners will want the steps to the new head: they are brought here before the first asks. */
  async #onRelease({ name, from, release, bundle }: ServedRelease): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    try {
      if (bundle !== undefined) await running.bundles.adopt(name, bundle)
    } catch (error) {
      // The release is served all the same; the bundle comes again when somebody asks.
      running.server.logger.warn({ err: error, channel: name }, 'a bundle could not be kept')
    }
    if (from > 0 && bundle?.from !== from) running.bundles.ask({ name, from, to: release })
  }

  async #collectGarbage(context: MirrorContext): Promise<void> {
    const { signal, clock } = context
    while (!signal.aborted) {
      await clock.sleep(limits.garbageEveryMs, signal).catch(() => undefined)
      if (signal.aborted) return
      await collectGarbage(context, clock.now()).catch((error: unknown) => {
        this.#running?.server.logger.error({ err: error }, 'garbage could not be collected')
      })
    }
  }

  async sync(): Promise<void> {
    if (this.#running === undefined) throw new TypeError('the repeater was not started')
    await this.#running.follower.syncAll()
    await this.#running.bundles.idle()
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#close()
    return this.#stopped
  }

  async #close(): Promise<void> {
    this.#abort.abort()
    await this.#loops
    await this.#running?.bundles.idle()
    await this.#running?.server.stop()
    await this.#running?.compressor.stop()
    await this.#records?.close()
    await this.#lock?.release()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}
