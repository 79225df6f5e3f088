import {
  type ChannelName,
  digestOf,
  limits as formatLimits,
  type Manifest,
  parseManifest,
} from '../../protocol/index.ts'
import type { ChannelRecord, ReleaseRecord } from '../../store/server-records/index.ts'
import { parseTimestamp } from '../../trust/index.ts'
import type { ServingContext } from '../context.ts'
import { type TimestampAnswer, timestampAnswer } from './timestamp-answer.ts'

/** A channel as readers see it, held in memory. */
export interface ServedChannel {
  readonly record: ChannelRecord
  readonly head: ReleaseRecord
  /** The head's manifest without its entries. */
  readonly attributes: Omit<Manifest, 'entries'>
  readonly timestamp: TimestampAnswer
  /** When the online key signed the timestamp. */
  readonly issuedAtMs: number
}

/** All channels that are served, in memory: a poll is answered without disk or database. */
export class ServedChannels {
  readonly #context: ServingContext
  readonly #ageMs: (name: ChannelName) => number
  readonly #channels = new Map<ChannelName, ServedChannel>()

  /** @param ageMs how long ago a channel was last compared with its origin */
  constructor(context: ServingContext, ageMs: (name: ChannelName) => number) {
    this.#context = context
    this.#ageMs = ageMs
  }

  find(name: string): ServedChannel | undefined {
    return this.#channels.get(name as ChannelName)
  }

  /** By name. */
  list(): readonly ServedChannel[] {
    return [...this.#channels.values()].sort((a, b) => (a.record.name < b.record.name ? -1 : 1))
  }

  /** What a run before left, so that it is served at once, with the origin or without. */
  async loadAll(): Promise<void> {
    for (const { name } of await this.#context.records.channels.list()) await this.reload(name)
  }

  /** Takes over what the records say of a channel now. */
  async reload(name: ChannelName): Promise<void> {
    const { records, server } = this.#context
    const record = await records.channels.find(name)
    const head = record && (await records.releases.find(name, record.headRelease))
    const file = await records.trust.find(name, 'timestamp.json')
    if (record === undefined || head === undefined || file === undefined) return
    const known = this.#channels.get(name)
    const attributes =
      known?.head.manifestDigest === head.manifestDigest
        ? known.attributes
        : await this.#attributesOf(head)
    const timestamp = known?.timestamp ?? timestampAnswer(() => this.#ageMs(name), server.counters)
    timestamp.replace({ bytes: file.bytes, etag: `"${digestOf(file.bytes)}"` })
    const { issuedMs: issuedAtMs } = parseTimestamp(file.bytes).view
    this.#channels.set(name, { record, head, attributes, timestamp, issuedAtMs })
    server.hot.set(`/${name}/trust/timestamp.json`, timestamp.handler)
  }

  async #attributesOf(head: ReleaseRecord): Promise<Omit<Manifest, 'entries'>> {
    const bytes = await this.#context.objects.load(head.manifestDigest, {
      bytesMax: formatLimits.manifestBytesMax,
    })
    const { entries: _entries, ...attributes } = parseManifest(bytes)
    return attributes
  }
}
