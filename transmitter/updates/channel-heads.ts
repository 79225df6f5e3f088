import type { ChannelName } from '../../protocol/index.ts'
import type {
  ChannelRecord,
  ReleaseRecord,
  ServerRecords,
} from '../../store/server-records/index.ts'
import { transmitterError } from '../errors.ts'
import { updateRequestLimits as limits } from './limits.ts'

/** The head of a channel with its metadata, all of one moment. */
export interface ChannelHead {
  readonly record: ChannelRecord
  readonly release: ReleaseRecord
  readonly timestamp: string
  readonly snapshot: string
  readonly targets: string
}

/** Heads held ready for answers; read again when a channel's timestamp has changed. */
export class ChannelHeads {
  readonly #records: ServerRecords
  readonly #heads = new Map<ChannelName, ChannelHead>()
  readonly #roots = new Map<string, string>()

  constructor(records: ServerRecords) {
    this.#records = records
  }

  /** @throws LW_TRANSMIT_NO_CHANNEL */
  async head(known: ChannelRecord): Promise<ChannelHead> {
    const held = this.#heads.get(known.name)
    if (held !== undefined && isSameState(held.record, known)) return held
    const head = await this.#read(known.name)
    this.#heads.delete(known.name)
    this.#heads.set(known.name, head)
    const oldest = this.#heads.keys().next().value
    if (this.#heads.size > limits.headsKept && oldest !== undefined) this.#heads.delete(oldest)
    return head
  }

  /** New roots for a tuner, in order. */
  async roots(record: ChannelRecord, held: number): Promise<Record<string, string>> {
    const files: Record<string, string> = {}
    const last = Math.min(record.versions.root, held + limits.rootsPerAnswerMax)
    for (let version = held + 1; version <= last; version++) {
      const name = `${version}.root.json`
      const root = await this.#root(record, name)
      if (root !== undefined) files[name] = root
    }
    return files
  }

  /** Roots never change: the ones that were asked for last are kept. */
  async #root(record: ChannelRecord, name: string): Promise<string | undefined> {
    const key = `${record.channelId}/${name}`
    const known = this.#roots.get(key)
    if (known !== undefined) return known
    const file = await this.#records.trust.find(record.name, name)
    if (file === undefined) return undefined
    const root = text(file.bytes)
    this.#roots.set(key, root)
    const oldest = this.#roots.keys().next().value
    if (this.#roots.size > limits.rootsKept && oldest !== undefined) this.#roots.delete(oldest)
    return root
  }

  /** Several reads make one moment when the timestamp is still the one that was counted on. */
  async #read(name: ChannelName): Promise<ChannelHead> {
    for (let attempt = 1; attempt <= limits.headAttemptsMax; attempt++) {
      const record = await this.#records.channels.find(name)
      if (record === undefined) throw transmitterError('LW_TRANSMIT_NO_CHANNEL')
      const { trust, releases } = this.#records
      const { snapshot, targets, timestamp } = record.versions
      const release = await releases.find(name, record.headRelease)
      const snapshotFile = await trust.find(name, `${snapshot}.snapshot.json`)
      const targetsFile = await trust.find(name, `${targets}.targets.json`)
      const timestampFile = await trust.find(name, 'timestamp.json')
      if (timestampFile?.version !== timestamp) continue
      if (release === undefined || snapshotFile === undefined || targetsFile === undefined) continue
      return {
        record,
        release,
        timestamp: text(timestampFile.bytes),
        snapshot: text(snapshotFile.bytes),
        targets: text(targetsFile.bytes),
      }
    }
    throw transmitterError('LW_TRANSMIT_NO_CHANNEL', { detail: 'It changes too fast.' })
  }
}

function isSameState(a: ChannelRecord, b: ChannelRecord): boolean {
  return a.versions.timestamp === b.versions.timestamp && a.versions.root === b.versions.root
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}
