import { encodeGdiff, gdiffMime } from '../../delta/gdiff/index.ts'
import { type BundleOffer, type Digest, filesOf } from '../../protocol/index.ts'
import { formatContentIdentifier } from '../../protocol/drp/index.ts'
import {
  channelIdOf,
  createRoot,
  createTargets,
  generateKeyPair,
  type KeyPair,
  lifetimesMs,
  renewOnline,
  timeText,
} from '../../trust/index.ts'
import {
  channelUrl,
  makeRelease,
  makeStep,
  type MemoryRelease,
  type Tree,
} from './memory-channel.ts'
import type { MemoryPages, PageAnswer, PageRequest } from './memory-transport.ts'

/** How the newest release is to be had besides whole. */
export type ChannelRoute = 'whole' | 'bundle' | 'chain' | 'differences'

/** A channel in memory with metadata that a tuner verifies: all of it as it is at each release. */
export class SignedChannel {
  readonly releases: readonly MemoryRelease[]
  readonly channelId: Digest
  readonly #pages: ReadonlyMap<string, Uint8Array>
  /** Metadata files by URL, at each release. */
  readonly #metadata: readonly ReadonlyMap<string, Uint8Array>[]
  readonly #hasDifferences: boolean

  private constructor(parts: {
    readonly releases: readonly MemoryRelease[]
    readonly channelId: Digest
    readonly pages: ReadonlyMap<string, Uint8Array>
    readonly metadata: readonly ReadonlyMap<string, Uint8Array>[]
    readonly hasDifferences: boolean
  }) {
    this.releases = parts.releases
    this.channelId = parts.channelId
    this.#pages = parts.pages
    this.#metadata = parts.metadata
    this.#hasDifferences = parts.hasDifferences
  }

  static async make(trees: readonly Tree[], route: ChannelRoute): Promise<SignedChannel> {
    const keys = { recovery: generateKeyPair(), publisher: generateKeyPair() }
    const signer = new Signatory(keys.recovery, keys.publisher, generateKeyPair())
    const pages = new Map<string, Uint8Array>()
    const releases = trees.map((tree, at) => makeRelease(at + 1, tree, pages, signer.channelId))
    await offer(releases, route, pages)
    const metadata = releases.map((release) => signer.publish(release))
    const { channelId } = signer
    return new SignedChannel({
      releases,
      channelId,
      pages,
      metadata,
      hasDifferences: route === 'differences',
    })
  }

  get last(): number {
    return this.releases.length
  }

  /** The network while this release is the head. */
  pagesAt(release: number): MemoryPages {
    return {
      get: (url) => this.#metadata[release - 1]?.get(url) ?? this.#pages.get(url),
      answer: (request) => (this.#hasDifferences ? this.#difference(request) : undefined),
    }
  }

  /** What a transmitter answers to DRP's Content-ID and Differential-ID. */
  #difference({ url, headers }: PageRequest): PageAnswer | undefined {
    if (!url.startsWith(`${channelUrl}/files/`)) return undefined
    const old = this.#named(headers['differential-id'])
    const next = this.#named(headers['content-id'])
    if (old === undefined || next === undefined) return undefined
    const bytes = encodeGdiff(old, next)
    return {
      headers: {
        'content-type': gdiffMime,
        'content-id': headers['content-id'] ?? '',
        'differential-id': headers['differential-id'] ?? '',
        'content-length': String(bytes.byteLength),
      },
      bytes,
    }
  }

  #named(identifier: string | undefined): Uint8Array | undefined {
    for (const { manifest } of this.releases) {
      for (const { sha256 } of filesOf(manifest)) {
        if (formatContentIdentifier({ algorithm: 'sha256', hex: sha256 }) === identifier) {
          return this.#pages.get(`${channelUrl}/objects/${sha256}`)
        }
      }
    }
    return undefined
  }

  /** All of it as text, for another process. */
  freeze(): string {
    const text = (pages: ReadonlyMap<string, Uint8Array>) =>
      [...pages].map(([url, bytes]) => [url, Buffer.from(bytes).toString('base64')])
    return JSON.stringify({
      channelId: this.channelId,
      hasDifferences: this.#hasDifferences,
      pages: text(this.#pages),
      metadata: this.#metadata.map(text),
      releases: this.releases.map(({ manifest, manifestBytes, head }) => ({
        manifest,
        head,
        manifestBytes: Buffer.from(manifestBytes).toString('base64'),
      })),
    })
  }

  static thaw(frozen: string): SignedChannel {
    const value = JSON.parse(frozen) as {
      channelId: Digest
      hasDifferences: boolean
      pages: [string, string][]
      metadata: [string, string][][]
      releases: (Omit<MemoryRelease, 'manifestBytes'> & { manifestBytes: string })[]
    }
    const bytes = (pages: [string, string][]) =>
      new Map(pages.map(([url, text]) => [url, Buffer.from(text, 'base64')]))
    return new SignedChannel({
      ...value,
      pages: bytes(value.pages),
      metadata: value.metadata.map(bytes),
      releases: value.releases.map((release) => ({
        ...release,
        manifestBytes: Buffer.from(release.manifestBytes, 'base64'),
      })),
    })
  }
}

/** Puts the bundles of a route on the pages. */
async function offer(
  releases: readonly MemoryRelease[],
  route: ChannelRoute,
  pages: Map<string, Uint8Array>,
): Promise<void> {
  const head = releases.at(-1)
  const [first] = releases
  if (head === undefined || first === undefined || releases.length < 2) return
  const from = first.head.release
  const to = head.head.release
  let routes: { readonly chain?: readonly BundleOffer[] } | undefined
  if (route === 'bundle') {
    const { figures: _figures, ...step } = await makeStep(first, head, pages)
    routes = step as typeof routes
  } else if (route === 'chain') {
    const chain: BundleOffer[] = []
    for (const [at, next] of releases.entries()) {
      const before = releases[at - 1]
      if (before !== undefined) chain.push(await makeStep(before, next, pages))
    }
    routes = { chain }
  }
  if (routes === undefined) return
  const body = JSON.stringify({ from, to, wholeBytes: head.head.totalBytes, ...routes })
  pages.set(`${channelUrl}/deltas/${from}..${to}`, Buffer.from(body))
}

/** Signs a channel's metadata, one release after the other. */
class Signatory {
  readonly channelId: Digest
  readonly #publisher: KeyPair
  readonly #online: KeyPair
  readonly #files = new Map<string, Uint8Array>()
  #previous: { readonly snapshot: Uint8Array; readonly timestamp: Uint8Array } | undefined

  constructor(recovery: KeyPair, publisher: KeyPair, online: KeyPair) {
    this.#publisher = publisher
    this.#online = online
    const root = createRoot({
      recoveryKeys: [recovery],
      rootThreshold: 1,
      targetsKeys: [publisher],
      targetsThreshold: 1,
      onlineKeys: [online],
      nonce: new Uint8Array(16).fill(7),
      expires: timeText(Date.now() + lifetimesMs.root),
    })
    this.channelId = channelIdOf(root)
    this.#set('1.root.json', root)
  }

  #set(name: string, bytes: Uint8Array): void {
    this.#files.set(`${channelUrl}/trust/${name}`, bytes)
  }

  /** Every file as it is once this release is the head. */
  publish({ head }: MemoryRelease): ReadonlyMap<string, Uint8Array> {
    const nowMs = Date.now()
    const targets = createTargets({
      version: head.release,
      channelId: this.channelId,
      manifest: head,
      expires: timeText(nowMs + lifetimesMs.targets),
      signers: [this.#publisher],
    })
    this.#set(`${head.release}.targets.json`, targets)
    const pair = renewOnline({
      channelId: this.channelId,
      targets,
      ...(this.#previous === undefined ? {} : { previous: this.#previous }),
      nowMs,
      lifetimeMs: lifetimesMs.online,
      signer: this.#online,
    })
    this.#set(`${pair.snapshotVersion}.snapshot.json`, pair.snapshot)
    this.#set('timestamp.json', pair.timestamp)
    this.#previous = { snapshot: pair.snapshot, timestamp: pair.timestamp }
    return new Map(this.#files)
  }
}
