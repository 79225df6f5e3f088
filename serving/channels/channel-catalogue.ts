import { type ChannelName, type Digest, digestOf, type Manifest } from '../../protocol/index.ts'
import type {
  ChannelRecord,
  ReleaseRecord,
  ServerRecords,
} from '../../store/server-records/index.ts'
import { parseTimestamp } from '../../trust/index.ts'
import type { HttpServer } from '../http-server.ts'
import { type PollDocument, type PollResponder, pollResponder } from '../poll-responder.ts'

/** A channel as readers see it, held in memory. */
export interface ChannelView {
  readonly record: ChannelRecord
  readonly head: ReleaseRecord
  /** The head's manifest without its entries. */
  readonly attributes: Omit<Manifest, 'entries'>
  /** Answers polls; of a closed channel only after its reader was looked at. */
  readonly timestamp: PollResponder
  /** When the online key signed the timestamp. */
  readonly issuedAtMs: number
}

export interface ChannelCatalogueOptions {
  readonly records: Pick<ServerRecords, 'channels' | 'releases' | 'trust'>
  readonly server: Pick<HttpServer, 'hot' | 'counters'>
  loadManifest(digest: Digest): Promise<Manifest>
  /** How long ago a mirrored channel was last compared with its origin. */
  ageMs?(name: ChannelName): number
  /** Told of each poll of an open channel. */
  onPoll?(name: ChannelName): void
}

/**
 * All channels in memory: a poll is answered without disk or database (C6). Changes of this
 * process are taken over at once, those of others by `refresh`.
 */
export class ChannelCatalogue {
  readonly #options: ChannelCatalogueOptions
  readonly #views = new Map<ChannelName, ChannelView>()

  constructor(options: ChannelCatalogueOptions) {
    this.#options = options
  }

  find(name: string): ChannelView | undefined {
    return this.#views.get(name as ChannelName)
  }

  /** By name. */
  list(): readonly ChannelView[] {
    return [...this.#views.values()].sort((a, b) => (a.record.name < b.record.name ? -1 : 1))
  }

  /** Takes over what changed since the last call, also by other processes. */
  async refresh(): Promise<void> {
    for (const record of await this.#options.records.channels.list()) {
      const known = this.#views.get(record.name)
      if (known === undefined || !isCurrent(known.record, record)) await this.#load(record)
    }
  }

  async reload(name: ChannelName): Promise<void> {
    const record = await this.#options.records.channels.find(name)
    if (record !== undefined) await this.#load(record)
  }

  async #load(record: ChannelRecord): Promise<void> {
    const { records } = this.#options
    const { name } = record
    const head = await records.releases.find(name, record.headRelease)
    const file = await records.trust.find(name, 'timestamp.json')
    if (head === undefined || file === undefined) return
    const attributes = await this.#attributesOf(name, head.manifestDigest)
    const known = this.#views.get(name)
    // Loads overlap; what is older by now changes nothing.
    if (known !== undefined && isOlder(record, known.record)) return
    const document = pollDocument(file.bytes, record.access === 'open')
    const timestamp = known?.timestamp ?? this.#responder(name, document)
    timestamp.replace(document)
    const { issuedMs: issuedAtMs } = parseTimestamp(file.bytes).view
    this.#views.set(name, { record, head, attributes, timestamp, issuedAtMs })
    this.#serve(record, timestamp)
  }

  #responder(name: ChannelName, document: PollDocument): PollResponder {
    const { server, ageMs } = this.#options
    return pollResponder(document, {
      counters: server.counters,
      ...(ageMs === undefined ? {} : { ageMs: () => ageMs(name) }),
    })
  }

  /** A closed channel is not answered before its reader was looked at. */
  #serve({ name, access }: ChannelRecord, responder: PollResponder): void {
    const { server, onPoll } = this.#options
    const path = `/${name}/trust/timestamp.json`
    if (access !== 'open') {
      server.hot.delete(path)
      return
    }
    server.hot.set(path, (request, response, headers) => {
      onPoll?.(name)
      return responder.handler(request, response, headers)
    })
  }

  async #attributesOf(name: ChannelName, digest: Digest): Promise<Omit<Manifest, 'entries'>> {
    const known = this.#views.get(name)
    if (known?.head.manifestDigest === digest) return known.attributes
    const { entries: _entries, ...attributes } = await this.#options.loadManifest(digest)
    return attributes
  }
}

/** Versions of one channel only rise; another channel may have come under its name. */
function isOlder(record: ChannelRecord, known: ChannelRecord): boolean {
  if (record.channelId !== known.channelId) return false
  return (
    record.headRelease < known.headRelease ||
    record.versions.timestamp < known.versions.timestamp ||
    record.versions.root < known.versions.root
  )
}

function isCurrent(known: ChannelRecord, record: ChannelRecord): boolean {
  return (
    known.channelId === record.channelId &&
    known.headRelease === record.headRelease &&
    known.state === record.state &&
    known.access === record.access &&
    known.versions.timestamp === record.versions.timestamp &&
    known.versions.targets === record.versions.targets &&
    known.versions.root === record.versions.root
  )
}

function pollDocument(bytes: Uint8Array, isOpen: boolean): PollDocument {
  return {
    bytes,
    etag: `"${digestOf(bytes)}"`,
    mime: 'application/json',
    // Caches may hold it for seconds; every client asks again.
    cacheControl: isOpen ? 'public, max-age=0, s-maxage=5' : 'private, max-age=0',
  }
}
