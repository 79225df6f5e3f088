import { type ChannelName, type Digest, digestOf, type Manifest } from '../../protocol/index.ts'
import {
  type HttpServer,
  type PollDocument,
  type PollResponder,
  pollResponder,
} from '../../serving/index.ts'
import type {
  ChannelRecord,
  ReleaseRecord,
  ServerRecords,
} from '../../store/server-records/index.ts'
import type { ManifestMemory } from '../manifests/index.ts'
import type { ChannelMeasures } from '../measures/index.ts'

/** A channel as readers see it, held in memory. */
export interface ChannelView {
  readonly record: ChannelRecord
  readonly head: ReleaseRecord
  /** The head's manifest without its entries. */
  readonly attributes: Omit<Manifest, 'entries'>
  readonly timestamp: PollResponder
}

export interface CatalogueParts {
  readonly records: ServerRecords
  readonly manifests: ManifestMemory
  readonly server: HttpServer
  readonly measures: ChannelMeasures
}

/**
 * All channels in memory: a poll is answered without disk or database (C6). Changes of this
 * process are taken over at once, those of others by `refresh`.
 */
export class Catalogue {
  readonly #parts: CatalogueParts
  readonly #views = new Map<ChannelName, ChannelView>()

  constructor(parts: CatalogueParts) {
    this.#parts = parts
  }

  find(name: string): ChannelView | undefined {
    return this.#views.get(name as ChannelName)
  }

  list(): readonly ChannelView[] {
    return [...this.#views.values()].sort((a, b) => (a.record.name < b.record.name ? -1 : 1))
  }

  /** Takes over what changed since the last call, also by other processes. */
  async refresh(): Promise<void> {
    for (const record of await this.#parts.records.channels.list()) {
      const known = this.#views.get(record.name)
      if (known === undefined || !isCurrent(known.record, record)) await this.#load(record)
    }
  }

  async reload(name: ChannelName): Promise<void> {
    const record = await this.#parts.records.channels.find(name)
    if (record !== undefined) await this.#load(record)
  }

  async #load(record: ChannelRecord): Promise<void> {
    const { records, server } = this.#parts
    const { name } = record
    const head = await records.releases.find(name, record.headRelease)
    const timestamp = await records.trust.find(name, 'timestamp.json')
    if (head === undefined || timestamp === undefined) return
    const attributes = await this.#attributesOf(name, head.manifestDigest)
    const known = this.#views.get(name)
    // Loads overlap; what is older by now changes nothing.
    if (known !== undefined && isOlder(record, known.record)) return
    const responder = known?.timestamp ?? pollResponder(document(timestamp.bytes), server.counters)
    responder.replace(document(timestamp.bytes))
    this.#views.set(name, { record, head, attributes, timestamp: responder })
    this.#serve(record, responder)
  }

  /** A closed channel is not answered before its reader was looked at. */
  #serve(record: ChannelRecord, responder: PollResponder): void {
    const { server, measures } = this.#parts
    const path = `/${record.name}/trust/timestamp.json`
    if (record.access !== 'open') {
      server.hot.delete(path)
      return
    }
    const counts = measures.of(record.name)
    server.hot.set(path, (request, response, headers) => {
      counts.polls += 1
      return responder.handler(request, response, headers)
    })
  }

  async #attributesOf(name: ChannelName, digest: Digest): Promise<Omit<Manifest, 'entries'>> {
    const known = this.#views.get(name)
    if (known?.head.manifestDigest === digest) return known.attributes
    const { entries: _entries, ...attributes } = (await this.#parts.manifests.load(digest)).manifest
    return attributes
  }
}

/** Versions only rise. */
function isOlder(record: ChannelRecord, known: ChannelRecord): boolean {
  return (
    record.headRelease < known.headRelease ||
    record.versions.timestamp < known.versions.timestamp ||
    record.versions.root < known.versions.root
  )
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

function document(bytes: Uint8Array): PollDocument {
  return {
    bytes,
    etag: `"${digestOf(bytes)}"`,
    mime: 'application/json',
    // Caches may hold it for seconds; every client asks again.
    cacheControl: 'public, max-age=0, s-maxage=5',
  }
}
