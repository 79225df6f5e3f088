import type { RequestListener } from 'node:http'
import path from 'node:path'
import type { Logger } from 'pino'
import { ChannelCatalogue } from '../serving/channels/index.ts'
import {
  addMetrics,
  createHttpServer,
  createLogger,
  type HttpServer,
  type ListenAddress,
  type ServerTls,
  type SlowClientLimits,
} from '../serving/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  nodeFileSystem,
  removeTree,
} from '../store/durable-files/index.ts'
import { createFileObjectStore, type ObjectStore } from '../store/objects/index.ts'
import { openServerRecords, type ServerRecords } from '../store/server-records/index.ts'
import { PublishAccess } from './access/index.ts'
import { addBundleRoutes, BundleService, makingFolder } from './bundles/index.ts'
import { Compressor } from './compression/index.ts'
import type { TransmitterContext } from './context.ts'
import { claimData, type DataClaim } from './data-claims/index.ts'
import { addDrpRoutes } from './drp/index.ts'
import { transmitterError } from './errors.ts'
import { feedbackLimits } from './feedback/index.ts'
import { addTransmitterHealth } from './health/index.ts'
import { transmitterLimits as limits } from './limits.ts'
import {
  collectGarbageOf,
  isThere,
  recordsUrl,
  requireRecords,
  restoringFile,
} from './maintenance/index.ts'
import { ManifestMemory } from './manifests/index.ts'
import { ChannelMeasures } from './measures/index.ts'
import { OnlineKeys } from './online-keys/index.ts'
import { addOpenApi } from './openapi/index.ts'
import { PeriodicWork } from './periodic-work.ts'
import { pluginLimits, type PluginTimes } from './plugins/index.ts'
import { addObjectRoutes, addReadingRoutes } from './reading/index.ts'
import { addPublishingRoutes, addSignatureRoute, MissingMemory } from './releases/index.ts'
import { addRepeaters, preparedFolder, RepeaterRegistry } from './repeaters/index.ts'
import { addTransmitterStatus } from './status/index.ts'
import { renewStale } from './resigning/index.ts'
import { addBackChannel, type BackChannel } from './updates/index.ts'

export interface TransmitterOptions {
  /** Everything that the transmitter keeps lies here; several processes may serve one folder. */
  readonly directory: string
  /** Any free port of this machine when absent. */
  readonly listen?: ListenAddress
  /** The URL that links carry, without a trailing slash; the one listened on when absent. */
  readonly publicUrl?: string
  readonly tls?: ServerTls
  readonly clock?: { now(): number }
  readonly fileSystem?: FileSystem
  readonly logger?: Logger
  /** Addresses or subnets whose forwarded headers are believed; none by default. */
  readonly trustedProxies?: readonly string[]
  readonly slowClients?: Partial<SlowClientLimits>
  /** Releases that stay retained, the head included. */
  readonly retainedReleases?: number
  /** Times of plug-ins; those of docs/limits.md by default. */
  readonly pluginTimes?: Partial<PluginTimes>
  /** Bytes that the feedback log of one channel may take; see docs/limits.md for the default. */
  readonly feedbackBytesMax?: number
}

/** A transmitter: takes releases from publishers and serves them to tuners. */
export interface Transmitter extends AsyncDisposable {
  /**
   * Opens the stores and listens. What a failing start opened is closed again.
   * @returns the URL, without a trailing slash
   * @throws LW_SERVE_PORT_IN_USE …, LW_STORE_…, LW_TRANSMIT_TOO_MANY_PROCESSES
   */
  start(): Promise<string>
  /**
   * Opens the stores without listening, for a server that hands its requests on (docs/gateway.md).
   * @param publicUrl the URL that links carry, without a trailing slash
   * @returns the listener; it wants request paths that begin at the transmitter's own root
   * @throws LW_STORE_…, LW_TRANSMIT_TOO_MANY_PROCESSES
   */
  attach(publicUrl: () => string): Promise<RequestListener>
  /** Resolves when nothing is being made in the background. */
  idle(): Promise<void>
  /** Lets what runs finish, then closes everything. */
  stop(): Promise<void>
}

/** Makes a transmitter; nothing is opened before `start`. */
export function createTransmitter(options: TransmitterOptions): Transmitter {
  return new TransmitterService(options)
}

class TransmitterService implements Transmitter {
  readonly #options: TransmitterOptions
  readonly #fs: FileSystem
  readonly #clock: { now(): number }
  readonly #periodic: PeriodicWork
  readonly #logger: Logger
  #claim: DataClaim | undefined
  #server: HttpServer | undefined
  #records: ServerRecords | undefined
  #bundles: BundleService | undefined
  #compressor: Compressor | undefined
  #backChannel: BackChannel | undefined
  #stopped: Promise<void> | undefined
  #publicUrl = () => ''

  constructor(options: TransmitterOptions) {
    this.#options = options
    this.#fs = options.fileSystem ?? nodeFileSystem
    this.#clock = options.clock ?? Date
    this.#logger = options.logger ?? createLogger({ name: 'transmitter' })
    this.#periodic = new PeriodicWork((error) => {
      this.#logger.error({ err: error }, 'a periodic task failed')
    })
  }

  start(): Promise<string> {
    return this.#begin(async (server) => {
      const url = await server.listen(this.#options.listen ?? { host: '127.0.0.1', port: 0 })
      this.#publicUrl = () => url
      return url
    })
  }

  attach(publicUrl: () => string): Promise<RequestListener> {
    return this.#begin(async ({ app }) => {
      this.#publicUrl = publicUrl
      await app.ready()
      return (request, response) => app.server.emit('request', request, response)
    })
  }

  /** Opens everything behind the server, then the server in its way. */
  async #begin<Begun>(open: (server: HttpServer) => Promise<Begun>): Promise<Begun> {
    try {
      const context = await this.#open()
      this.#addRoutes(context)
      await this.#renew(context)
      await context.catalogue.refresh()
      const begun = await open(context.server)
      this.#schedule(context)
      return begun
    } catch (error) {
      await this.stop().catch(() => undefined)
      throw error
    }
  }

  async #open(): Promise<TransmitterContext> {
    const { directory, tls, trustedProxies, slowClients } = this.#options
    const fs = this.#fs
    await ensureDirectory(fs, directory, { mode: 0o700 })
    const objects = createFileObjectStore({ directory, fileSystem: fs })
    this.#claim = await claimData(fs, directory, async () => {
      await requireRestored(fs, directory)
      await requireRecords(fs, directory)
      const partialsUntouchedSinceMs = this.#clock.now() - limits.uploadLifetimeMs
      await objects.tidy({ partialsUntouchedSinceMs })
      await removeTree(fs, path.join(directory, makingFolder))
      await removeTree(fs, path.join(directory, preparedFolder))
    })
    const records = await openServerRecords({ url: recordsUrl(directory) })
    this.#records = records
    const server = createHttpServer({
      logger: this.#logger,
      bodyBytesMax: limits.commitBytesMax,
      ...(tls === undefined ? {} : { tls }),
      ...(trustedProxies === undefined ? {} : { trustedProxies }),
      ...(slowClients === undefined ? {} : { slowClients }),
    })
    this.#server = server
    return this.#contextOf({ fs, clock: this.#clock, directory, records, objects, server })
  }

  async #contextOf(parts: {
    readonly fs: FileSystem
    readonly clock: { now(): number }
    readonly directory: string
    readonly records: ServerRecords
    readonly objects: ObjectStore
    readonly server: HttpServer
  }): Promise<TransmitterContext> {
    const { objects } = parts
    const manifests = new ManifestMemory(parts)
    const measures = new ChannelMeasures()
    const untilFree = async () => this.#bundles?.untilPatient()
    const compressor = new Compressor({ objects, logger: this.#logger, untilFree })
    this.#compressor = compressor
    const context: TransmitterContext = {
      ...parts,
      manifests,
      measures,
      compressor,
      commitHooks: [],
      missing: new MissingMemory(),
      pluginTimes: { ...pluginLimits, ...this.#options.pluginTimes },
      feedbackBytesMax: this.#options.feedbackBytesMax ?? feedbackLimits.channelBytesMax,
      repeaters: new RepeaterRegistry(parts),
      keys: new OnlineKeys(parts),
      access: await PublishAccess.open(parts),
      catalogue: new ChannelCatalogue({
        ...parts,
        loadManifest: async (digest) => (await manifests.load(digest)).manifest,
        onPoll: (name) => {
          measures.of(name).polls += 1
        },
      }),
      publicUrl: () => this.#options.publicUrl ?? this.#publicUrl(),
      onPublished: (channel, release) => {
        this.#logger.info({ channel, release }, 'published')
        this.#bundles?.prepare(channel, release)
        this.#compressHead(context, channel)
      },
    }
    this.#bundles = new BundleService(context)
    return context
  }

  #addRoutes(context: TransmitterContext): void {
    const { server, measures, catalogue } = context
    const bundles = this.#bundles
    addObjectRoutes(context)
    if (bundles !== undefined) {
      addBundleRoutes(context, bundles)
      const backChannel = addBackChannel(context, bundles)
      this.#backChannel = backChannel
      addTransmitterStatus({
        context,
        room: backChannel.room,
        pluginHealth: (name) => backChannel.pluginHealth(name),
      })
      addTransmitterHealth(context, backChannel.room)
    }
    addPublishingRoutes(context)
    addSignatureRoute(context)
    addDrpRoutes(context)
    addReadingRoutes(context)
    addRepeaters(context)
    addOpenApi(server)
    measures.addTo(addMetrics(server), (name) => catalogue.find(name)?.record.access === 'open')
  }

  #schedule(context: TransmitterContext): void {
    this.#periodic.every(limits.catalogueRefreshMs, () => context.catalogue.refresh())
    this.#periodic.every(limits.manifestRestMs, async () => context.manifests.rest())
    this.#periodic.every(limits.renewEveryMs, () => this.#renew(context))
    this.#periodic.every(limits.garbageEveryMs, async () => {
      const { retainedReleases } = this.#options
      const summary = await collectGarbageOf(
        context,
        retainedReleases === undefined ? {} : { retainedReleases },
      )
      this.#logger.info(summary, 'garbage was collected')
    })
  }

  async #renew(context: TransmitterContext): Promise<void> {
    const { renewed, failed } = await renewStale(context)
    for (const name of renewed) await context.catalogue.reload(name)
    for (const { channel, error } of failed) {
      this.#logger.error({ err: error, channel }, 'could not renew the metadata of a channel')
    }
  }

  /** In the background: what is not done when the process ends is done when it is asked for. */
  #compressHead(context: TransmitterContext, channel: string): void {
    const head = context.catalogue.find(channel)?.head
    if (head === undefined) return
    const { manifestDigest: digest, manifestBytes: size } = head
    context.compressor.want({ digest, size })
    context.manifests.load(digest).then(
      ({ objects }) => context.compressor.wantAll(objects.values()),
      (error: unknown) => this.#logger.error({ err: error, channel }, 'a manifest is gone'),
    )
  }

  async idle(): Promise<void> {
    await this.#bundles?.idle()
    await this.#compressor?.idle()
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#close()
    return this.#stopped
  }

  /** Everything is closed, also when something before it fails. */
  async #close(): Promise<void> {
    const steps = [
      () => this.#periodic.stop(),
      () => this.#server?.stop(),
      () => this.#backChannel?.stop(),
      () => this.#bundles?.stop(),
      () => this.#compressor?.stop(),
      () => this.#records?.close(),
      () => this.#claim?.release(),
    ]
    const failures: unknown[] = []
    for (const step of steps) {
      try {
        await step()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/** @throws LW_TRANSMIT_BACKUP_UNFIT */
async function requireRestored(fs: FileSystem, directory: string): Promise<void> {
  if (!(await isThere(fs, path.join(directory, restoringFile)))) return
  throw transmitterError('LW_TRANSMIT_BACKUP_UNFIT', {
    detail: 'A restore into the folder has not finished.',
    next: 'longwave transmitter restore BACKUP',
  })
}
