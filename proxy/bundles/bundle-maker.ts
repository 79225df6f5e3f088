import path from 'node:path'
import { bundleFormat, makeBundle } from '../../delta/index.ts'
import { type Digest, filesOf, type Manifest, parseManifest } from '../../protocol/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  removeTree,
  temporaryName,
} from '../../store/durable-files/index.ts'
import { parseSnapshot, parseTimestamp } from '../../trust/index.ts'
import type { ContentCache } from '../cache/index.ts'
import { type ProxiedChannel, SingleFlight } from '../channels/index.ts'
import type { ProxyContext } from '../context.ts'
import { proxyError } from '../errors.ts'
import { proxyLimits as limits } from '../limits.ts'
import { CachedObjects } from './cached-objects.ts'
import type { KnownReleases } from './known-releases.ts'

/** A bundle that the proxy has made. */
export interface OwnBundle {
  readonly format: string
  readonly sha256: Digest
  readonly bytes: number
}

/** How far a bundle is. */
export type MakingState =
  | { readonly kind: 'ready'; readonly bundle: OwnBundle }
  | { readonly kind: 'making' }
  | { readonly kind: 'none' }

type Made = MakingState & { readonly atMs: number }

interface Makings {
  readonly oldManifest: Uint8Array
  readonly newManifest: Uint8Array
  /** What the objects that the new release adds have together. */
  readonly wholeBytes: number
}

/** What `BundleMaker` takes. */
export interface BundleMakerOptions {
  readonly context: ProxyContext
  readonly cache: ContentCache
  readonly releases: KnownReleases
  readonly fileSystem: FileSystem
  /** Where bundles lie while they are being made. */
  readonly directory: string
}

/**
 * Makes bundles from releases whose objects passed through the cache, when the origin has none: what
 * crossed for one tuner then costs the next ones behind the proxy less. One at a time, off the
 * event loop; a tuner verifies it as it does every bundle.
 */
export class BundleMaker {
  readonly #options: BundleMakerOptions
  readonly #objects: CachedObjects
  readonly #states = new Map<string, Made>()
  readonly #beginning = new SingleFlight<MakingState>()
  readonly #abort = new AbortController()
  #queue: Promise<void> = Promise.resolve()
  #queued = 0

  constructor(options: BundleMakerOptions) {
    this.#options = options
    this.#objects = new CachedObjects(options.cache)
  }

  async open(): Promise<void> {
    await removeTree(this.#options.fileSystem, this.#options.directory)
  }

  /**
   * How far the bundle is. It is begun when all that it is made from is cached and nobody has begun
   * it: `making` is said only when it will probably come.
   */
  async ask(channel: ProxiedChannel, from: number, to: number): Promise<MakingState> {
    const key = `${channel.url} ${from}..${to}`
    const nowMs = this.#options.context.clock.now()
    const known = this.#states.get(key)
    if (known?.kind === 'making') return known
    if (known?.kind === 'ready' && this.#isKept(known.bundle)) return known
    if (known?.kind === 'none' && nowMs - known.atMs < limits.bundleRetryMs) return known
    if (from < 1 || from >= to || this.#queued >= limits.bundlesQueuedMax) return { kind: 'none' }
    return this.#beginning.run(key, async () => {
      try {
        const makings = await this.#makings(channel, from, to)
        this.#set(key, { kind: 'making', atMs: nowMs })
        this.#enqueue(key, makings)
        return { kind: 'making' }
      } catch (error) {
        this.#noteNone(key, error)
        return { kind: 'none' }
      }
    })
  }

  /** Whether a path of the channel is that of a bundle that was made here. */
  owns(channel: ProxiedChannel, rest: string): boolean {
    const match = /^deltas\/(\d+\.\.\d+)\/([0-9a-f]{64})$/.exec(rest)
    const state = match === null ? undefined : this.#states.get(`${channel.url} ${match[1]}`)
    return state?.kind === 'ready' && state.bundle.sha256 === match?.[2]
  }

  /** Resolves when nothing is being made. */
  idle(): Promise<void> {
    return this.#queue
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#queue
  }

  #isKept(bundle: OwnBundle): boolean {
    return this.#options.cache.has({ digest: bundle.sha256, form: 'plain' })
  }

  #set(key: string, state: Made): void {
    const oldest = this.#states.keys().next().value
    if (this.#states.size >= limits.bundlesKnownMax && oldest !== undefined) {
      this.#states.delete(oldest)
    }
    this.#states.set(key, state)
  }

  #noteNone(key: string, error: unknown): void {
    const { clock, logger } = this.#options.context
    this.#set(key, { kind: 'none', atMs: clock.now() })
    logger.debug({ err: error, bundle: key }, 'made no bundle')
  }

  #enqueue(key: string, makings: Makings): void {
    const { clock, logger, measures } = this.#options.context
    this.#queued += 1
    this.#queue = this.#queue
      .then(async () => {
        const bundle = await this.#make(makings)
        measures.bundlesMade += 1
        this.#set(key, { kind: 'ready', bundle, atMs: clock.now() })
        logger.info({ bundle: key, bytes: bundle.bytes }, 'made a bundle')
      })
      .catch((error: unknown) => this.#noteNone(key, error))
      .finally(() => {
        this.#queued -= 1
      })
  }

  /** @throws LW_PROXY_NOT_CACHED … when something is missing */
  async #makings(channel: ProxiedChannel, from: number, to: number): Promise<Makings> {
    const oldManifest = await this.#manifest(channel, from)
    const newManifest = await this.#manifest(channel, to)
    const wholeBytes = this.#requireAll(parseManifest(oldManifest), parseManifest(newManifest))
    return { oldManifest, newManifest, wholeBytes }
  }

  async #make({ wholeBytes, ...manifests }: Makings): Promise<OwnBundle> {
    const { fileSystem: fs, directory, cache } = this.#options
    const { signal } = this.#abort
    signal.throwIfAborted()
    await ensureDirectory(fs, directory, { mode: 0o700 })
    const outputPath = path.join(directory, temporaryName())
    const source = this.#objects
    try {
      const made = await makeBundle({ ...manifests, source, outputPath, effort: 'fast', signal })
      if (made.bytes >= wholeBytes) throw proxyError('LW_PROXY_NOT_CACHED')
      await this.#adopt(cache, outputPath, made.sha256, made.bytes)
      return { format: bundleFormat, sha256: made.sha256, bytes: made.bytes }
    } finally {
      await removeTree(fs, outputPath)
    }
  }

  async #adopt(cache: ContentCache, file: string, digest: Digest, size: number): Promise<void> {
    const { fileSystem: fs } = this.#options
    const incoming = await cache.begin()
    try {
      await incoming.handle.write(await fs.readFile(file), 0)
      await cache.adopt(incoming, { digest, form: 'plain', bytesDigest: digest, size })
    } catch (error) {
      await cache.abandon(incoming)
      throw error
    } finally {
      await incoming.handle.close()
    }
  }

  async #manifest(channel: ProxiedChannel, release: number): Promise<Uint8Array> {
    const { releases } = this.#options
    if (releases.find(channel.url)?.manifests.has(release) !== true) await this.#learnHead(channel)
    const digest = releases.find(channel.url)?.manifests.get(release)
    if (digest === undefined || !this.#objects.has(digest)) throw proxyError('LW_PROXY_NOT_CACHED')
    return this.#objects.load(digest, limits.bundleManifestBytesMax)
  }

  /** The bytes that the new release adds; all objects that the making may read must be cached. */
  #requireAll(older: Manifest, newer: Manifest): number {
    const held = new Set(filesOf(older).map((file) => file.sha256))
    const added = new Map(
      filesOf(newer)
        .filter((file) => !held.has(file.sha256))
        .map((file) => [file.sha256, file.size] as const),
    )
    const wholeBytes = [...added.values()].reduce((sum, size) => sum + size, 0)
    const isPresent = [...added.keys()].every((digest) => this.#objects.has(digest))
    if (!isPresent || wholeBytes === 0 || wholeBytes > limits.bundleReleaseBytesMax) {
      throw proxyError('LW_PROXY_NOT_CACHED')
    }
    return wholeBytes
  }

  /** Follows the channel's own timestamp to its newest release. */
  async #learnHead(channel: ProxiedChannel): Promise<void> {
    const timestamp = parseTimestamp(await this.#trust(channel, 'timestamp.json'))
    const snapshot = parseSnapshot(
      await this.#trust(channel, `${timestamp.view.snapshot.version}.snapshot.json`),
    )
    const targets = await this.#trust(channel, `${snapshot.view.targets.version}.targets.json`)
    this.#options.releases.note(channel.url, targets)
  }

  async #trust(channel: ProxiedChannel, file: string): Promise<Buffer> {
    const { base, name } = channel
    const answer = await this.#options.context.upstream.askDocument(
      {
        origin: base.origin,
        path: `${base.path}/${name}/trust/${file}`,
        method: 'GET',
        lane: 'requests',
        fields: {},
        signal: this.#abort.signal,
      },
      limits.trustFileBytesMax,
    )
    if (answer.status !== 200) throw proxyError('LW_PROXY_NOT_CACHED')
    return answer.bytes
  }
}
