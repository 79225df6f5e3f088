import {
  type ChannelName,
  type Digest,
  type Manifest,
  parseManifest,
  limits as formatLimits,
} from '../../protocol/index.ts'
import { type HttpServer, type PollResponder, pollResponder } from '../../serving/index.ts'
import type { ObjectStore } from '../../store/objects/index.ts'
import type { ChannelRecord, ReleaseRecord, ServerRecords } from '../../store/server-records/index.ts'
import { digestOf } from '../../protocol/index.ts'

/** A channel as readers see it, held in memory. */
export interface ChannelView {
  readonly record: ChannelRecord
  readonly head: ReleaseRecord
  /** The head's manifest without its entries. */
  readonly attributes: Omit<Manifest, 'entries'>
  readonly timestamp: PollResponder
}

/**
 * All channels in memory: a poll is answered without disk or database (C6). Changes of this
 * process are taken over at once, those of others by `refresh`.
 */
export class Catalogue {
  readonly #records: ServerRecords
  readonly #objects: ObjectStore
  readonly #server: HttpServer
  readonly #views = new Map<ChannelName, ChannelView>()

  constructor(options: {
    readonly records: ServerRecords
    readonly objects: ObjectStore
    readonly server: HttpServer
  }) {
    this.#records = options.records
    this.#objects = options.objects
    this.#server = options.server
  }

  find(name: string): ChannelView | undefined {
    return this.#views.get(name as ChannelName)
  }

  list(): readonly ChannelView[] {
    return [...this.#views.values()].sort((a, b) => (a.record.name < b.record.name ? -1 : 1))
  }

  /** Takes over what changed since the last call, also by other processes. */
  async refresh(): Promise<void> {
    for (const record of await this.#records.channels.list()) {
      const known = this.#views.get(record.name)
      if (known === undefined || !isCurrent(known.record, record)) await this.#load(record)
    }
  }

  async reload(name: ChannelName): Promise<void> {
    const record = await this.#records.channels.find(name)
    if (record !== undefined) await this.#load(record)
  }

  async #load(record: ChannelRecord): Promise<void> {
    const { name } = record
    const head = await this.#records.releases.find(name, record.headRelease)
    const timestamp = await this.#records.trust.find(name, 'timestamp.json')
    if (head === undefined || timestamp === undefined) return
    const known = this.#views.get(name)
    const attributes =
      known?.head.manifestDigest === head.manifestDigest
        ? known.attributes
        : await this.#attributesOf(head.manifestDigest)
    const responder = known?.timestamp ?? pollResponder(document(timestamp.bytes), this.#server.counters)
    responder.replace(document(timestamp.bytes))
    this.#server.hot.set(`/${name}/trust/timestamp.json`, responder.handler)
    this.#views.set(name, { record, head, attributes, timestamp: responder })
  }

  async #attributesOf(digest: Digest): Promise<Omit<Manifest, 'entries'>> {
    const bytes = await this.#objects.load(digest, { bytesMax: formatLimits.manifestBytesMax })
    const { entries: _entries, ...attributes } = parseManifest(bytes)
    return attributes
  }
}

function isCurrent(known: ChannelRecord, record: ChannelRecord): boolean {
  return (
    known.headRelease === record.headRelease &&
    known.state === record.state &&
    known.access === record.access &&
    known.versions.timestamp === record.versions.timestamp &&
    known.versions.targets === record.versions.targets &&
    known.versions.root === record.versions.root
  )
}

function document(bytes: Uint8Array) {
  return {
    bytes,
    etag: `"${digestOf(bytes)}"`,
    mime: 'application/json',
    // Caches may hold it for seconds; every client asks again.
    cacheControl: 'public, max-age=0, s-maxage=5',
  }
}
