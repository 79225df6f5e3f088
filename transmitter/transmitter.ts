import path from 'node:path'
import type { Logger } from 'pino'
import {
  addHealth,
  addMetrics,
  createHttpServer,
  createLogger,
  type HttpServer,
  type ListenAddress,
  type ServerTls,
} from '../serving/index.ts'
import { ensureDirectory, type FileSystem, nodeFileSystem } from '../store/durable-files/index.ts'
import { createFileObjectStore, type ObjectStore } from '../store/objects/index.ts'
import { openServerRecords, type ServerRecords } from '../store/server-records/index.ts'
import { PublishAccess } from './access/index.ts'
import { addBundleRoutes, BundleService } from './bundles/index.ts'
import type { TransmitterContext } from './context.ts'
import { transmitterLimits as limits } from './limits.ts'
import { OnlineKeys } from './online-keys/index.ts'
import { addObjectRoutes, addReadingRoutes, Catalogue } from './reading/index.ts'
import { addPublishingRoutes, addSignatureRoute } from './releases/index.ts'
import { renewStale } from './resigning/index.ts'
import { version } from '../protocol/index.ts'

export interface TransmitterOptions {
  /** Everything that the transmitter keeps lies here. */
  readonly directory: string
  readonly listen: ListenAddress
  /** The URL that links carry; the one that is listened on when absent. */
  readonly publicUrl?: string
  readonly tls?: ServerTls
  readonly clock?: { now(): number }
  readonly fileSystem?: FileSystem
  readonly logger?: Logger
}

/** A transmitter: takes releases from publishers and serves them to tuners. */
export interface Transmitter extends AsyncDisposable {
  /** Opens the stores and listens. @returns the URL, without a trailing slash. */
  start(): Promise<string>
  /** Lets what runs finish, then closes everything. */
  stop(): Promise<void>
}

/** Makes a transmitter; nothing is opened before `start`. */
export function createTransmitter(options: TransmitterOptions): Transmitter {
  return new TransmitterService(options)
}

class TransmitterService implements Transmitter {
  readonly #options: TransmitterOptions
  readonly #timers = new Set<NodeJS.Timeout>()
  #server: HttpServer | undefined
  #records: ServerRecords | undefined
  #bundles: BundleService | undefined
  #stopped: Promise<void> | undefined
  #url = ''

  constructor(options: TransmitterOptions) {
    this.#options = options
  }

  async start(): Promise<string> {
    const context = await this.#open()
    const { server } = context
    addObjectRoutes(context)
    const bundles = new BundleService(context)
    this.#bundles = bundles
    addBundleRoutes(context, bundles)
    addPublishingRoutes(context)
    addSignatureRoute(context)
    addReadingRoutes(context)
    this.#addHealth(context)
    addMetrics(server)
    await renewStale(context)
    await context.catalogue.refresh()
    this.#url = await server.listen(this.#options.listen)
    this.#every(limits.catalogueRefreshMs, () => context.catalogue.refresh())
    this.#every(3600_000, async () => {
      const { failed } = await renewStale(context)
      for (const { channel, error } of failed) {
        server.logger.error({ err: error, channel }, 'could not renew the metadata of a channel')
      }
    })
    return this.#url
  }

  async #open(): Promise<TransmitterContext> {
    const { directory } = this.#options
    const fs = this.#options.fileSystem ?? nodeFileSystem
    const clock = this.#options.clock ?? { now: () => Date.now() }
    await ensureDirectory(fs, directory, { mode: 0o700 })
    const records = await openServerRecords({ url: `sqlite:${path.join(directory, 'records.db')}` })
    this.#records = records
    const objects = createFileObjectStore({ directory, fileSystem: fs })
    await objects.tidy({ partialsUntouchedSinceMs: clock.now() - limits.uploadLifetimeMs })
    const server = createHttpServer({
      logger: this.#options.logger ?? createLogger({ name: 'transmitter' }),
      bodyBytesMax: limits.uploadRequestBytesMax,
      ...(this.#options.tls === undefined ? {} : { tls: this.#options.tls }),
    })
    this.#server = server
    return this.#contextOf({ fs, clock, directory, records, objects, server })
  }

  async #contextOf(parts: {
    readonly fs: FileSystem
    readonly clock: { now(): number }
    readonly directory: string
    readonly records: ServerRecords
    readonly objects: ObjectStore
    readonly server: HttpServer
  }): Promise<TransmitterContext> {
    const { fs, directory, records } = parts
    return {
      ...parts,
      keys: new OnlineKeys({ fs, directory: path.join(directory, 'keys') }),
      access: await PublishAccess.open({ fs, records, directory }),
      catalogue: new Catalogue(parts),
      publicUrl: () => this.#options.publicUrl ?? this.#url,
      onPublished: (channel, release) => {
        parts.server.logger.info({ channel, release }, 'published')
        this.#bundles?.prepare(channel, release)
      },
    }
  }

  #addHealth(context: TransmitterContext): void {
    addHealth(context.server, {
      service: 'transmitter',
      version,
      checks: {
        records: async () => {
          await context.records.channels.list()
          return { ok: true }
        },
      },
    })
  }

  /** Runs work again and again, never twice at a time, and says when it fails. */
  #every(intervalMs: number, work: () => Promise<unknown>): void {
    let running = false
    const timer = setInterval(() => {
      if (running) return
      running = true
      work()
        .catch((error: unknown) => {
          this.#server?.logger.error({ err: error }, 'a periodic task failed')
        })
        .finally(() => {
          running = false
        })
    }, intervalMs)
    timer.unref()
    this.#timers.add(timer)
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#close()
    return this.#stopped
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#bundles?.stop()
    await this.#server?.stop()
    await this.#records?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}
