import { createHash } from 'node:crypto'
import {
  type Digest,
  isLongwaveError,
  limits as formatLimits,
  parseManifest,
  filesOf,
} from '../../protocol/index.ts'
import type {
  ChannelRecord,
  ObjectRecord,
  ReleaseRecord,
} from '../../store/server-records/index.ts'
import { createTrustClient, parseTimestamp } from '../../trust/index.ts'
import { transmitterLimits as limits } from '../limits.ts'
import { groupsOf } from './collect-garbage.ts'
import { type OpenStore, openStore, type StoreOptions } from './open-store.ts'

export interface CheckOptions {
  /** Sets damaged objects aside, so that a publish brings them anew, and removes orphans. */
  readonly repair?: boolean
  /** Whether every byte is read and compared; by default it is. */
  readonly contents?: boolean
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: { readonly objects: number; readonly bytes: number }) => void
}

export interface CheckFinding {
  /** An error is damage that readers meet; a warning is not. */
  readonly severity: 'error' | 'warning'
  readonly kind: 'records' | 'trust' | 'manifest' | 'object-missing' | 'object-damaged' | 'orphan'
  readonly detail: string
  readonly channel?: string
  readonly release?: number
  readonly object?: Digest
  /** Whether it was mended. */
  readonly repaired?: boolean
}

export interface CheckSummary {
  /** Whether readers find everything as it was published. */
  readonly sound: boolean
  readonly channels: number
  readonly releases: number
  readonly objects: number
  readonly bytes: number
  readonly findings: readonly CheckFinding[]
  /** Findings beyond those that are listed. */
  readonly findingsOmitted: number
}

/**
 * Compares everything that a transmitter keeps with what it should be; safe beside transmitters
 * that serve it. Without `repair` nothing is changed.
 */
export async function checkStore(options: StoreOptions & CheckOptions): Promise<CheckSummary> {
  await using store = await openStore(options)
  return await new StoreCheck(store, options).run()
}

class StoreCheck {
  readonly #store: OpenStore
  readonly #options: CheckOptions
  readonly #findings: CheckFinding[] = []
  #omitted = 0
  #errors = 0
  #releases = 0
  #objects = 0
  #bytes = 0

  constructor(store: OpenStore, options: CheckOptions) {
    this.#store = store
    this.#options = options
  }

  async run(): Promise<CheckSummary> {
    const { records } = this.#store
    for (const detail of await records.check()) {
      this.#note({ severity: 'error', kind: 'records', detail })
    }
    const channels = await records.channels.list()
    for (const channel of channels) await this.#checkChannel(channel)
    await this.#checkPresence()
    await this.#checkStored()
    return {
      sound: this.#errors === 0,
      channels: channels.length,
      releases: this.#releases,
      objects: this.#objects,
      bytes: this.#bytes,
      findings: this.#findings,
      findingsOmitted: this.#omitted,
    }
  }

  #note(finding: CheckFinding): void {
    if (finding.severity === 'error') this.#errors++
    if (this.#findings.length < limits.findingsMax) this.#findings.push(finding)
    else this.#omitted++
  }

  async #checkChannel(channel: ChannelRecord): Promise<void> {
    const { records } = this.#store
    const head = await records.releases.find(channel.name, channel.headRelease)
    await this.#checkTrust(channel, head)
    for (const release of await records.releases.list(channel.name, { onlyRetained: true })) {
      this.#options.signal?.throwIfAborted()
      this.#releases++
      await this.#checkRelease(channel, release)
    }
  }

  /**
   * Follows the metadata as a tuner that holds nothing yet would, at the time at which the
   * timestamp was signed: that it has expired since is no damage.
   */
  async #checkTrust(channel: ChannelRecord, head: ReleaseRecord | undefined): Promise<void> {
    const { records } = this.#store
    const { name, channelId } = channel
    const about = { kind: 'trust', channel: name } as const
    try {
      const nowMs = await this.#signedAtMs(name)
      const clock = { now: () => nowMs }
      const client = createTrustClient({ state: undefined, channelId, firstUse: 'pinned', clock })
      const outcome = await client.refresh({
        fetch: async (file) => (await records.trust.find(name, file))?.bytes,
      })
      if (outcome.head.sha256 === head?.manifestDigest) return
      const detail = 'The signed metadata name another manifest than the records.'
      this.#note({ ...about, severity: 'error', detail })
    } catch (error) {
      if (!isLongwaveError(error)) throw error
      this.#note({ ...about, severity: 'error', detail: error.message })
    }
  }

  async #signedAtMs(name: ChannelRecord['name']): Promise<number> {
    const { records, clock } = this.#store
    const timestamp = await records.trust.find(name, 'timestamp.json')
    if (timestamp === undefined) return clock.now()
    const { issuedMs, expiresMs } = parseTimestamp(timestamp.bytes).view
    if (expiresMs <= clock.now()) {
      const detail = 'The timestamp has expired; a transmitter that starts signs it anew.'
      this.#note({ severity: 'warning', kind: 'trust', channel: name, detail })
    }
    return issuedMs
  }

  async #checkRelease(channel: ChannelRecord, release: ReleaseRecord): Promise<void> {
    const { records, objects } = this.#store
    const { name } = channel
    const about = { kind: 'manifest', channel: name, release: release.release } as const
    try {
      const manifest = parseManifest(
        await objects.load(release.manifestDigest, { bytesMax: formatLimits.manifestBytesMax }),
      )
      const listed = new Set<Digest>()
      for await (const object of records.releases.objects(name, release.release)) {
        listed.add(object.digest)
      }
      const lacking = filesOf(manifest).filter((file) => !listed.has(file.sha256))
      if (lacking.length > 0) {
        const detail = `The records lack ${lacking.length} objects of the manifest.`
        this.#note({ ...about, severity: 'error', detail })
      }
    } catch (error) {
      if (!isLongwaveError(error)) throw error
      this.#note({ ...about, severity: 'error', detail: error.message })
    }
  }

  /** Everything that is referred to must be there, and of its size. */
  async #checkPresence(): Promise<void> {
    const { records, objects } = this.#store
    for await (const object of records.retention.referenced()) {
      this.#options.signal?.throwIfAborted()
      const size = await objects.size(object.digest)
      if (size === object.size) continue
      if (size === undefined) {
        const detail = 'A channel refers to an object that is not there; publish it again.'
        this.#note({ severity: 'error', kind: 'object-missing', detail, object: object.digest })
      } else await this.#noteDamage(object, `It has ${size} bytes instead of ${object.size}.`)
    }
  }

  async #checkStored(): Promise<void> {
    const { records, objects, clock } = this.#store
    const nowMs = clock.now()
    for await (const group of groupsOf(objects.list())) {
      const old = group.filter((object) => nowMs - object.storedAtMs >= limits.orphanAgeMs)
      const unknown = await records.retention.unknown(old.map((object) => object.digest))
      for (const object of group) {
        this.#options.signal?.throwIfAborted()
        await this.#checkObject(object)
        if (unknown.has(object.digest)) await this.#noteOrphan(object)
      }
      this.#options.onProgress?.({ objects: this.#objects, bytes: this.#bytes })
    }
    if (this.#options.repair === true) {
      await records.retention.deleteObjects(nowMs, async (digests) => {
        for (const digest of digests) await objects.delete(digest)
      })
    }
  }

  async #checkObject(object: ObjectRecord): Promise<void> {
    this.#objects++
    this.#bytes += object.size
    if (this.#options.contents === false) return
    if ((await this.#digestOf(object)) === object.digest) return
    await this.#noteDamage(object, 'Its bytes are not those that its name says.')
  }

  async #digestOf({ digest }: ObjectRecord): Promise<string | undefined> {
    const reader = await this.#store.objects.open(digest)
    // Collected since it was listed.
    if (reader === undefined) return digest
    const hash = createHash('sha256')
    const buffer = Buffer.allocUnsafe(256 * 1024)
    try {
      for (let at = 0; at < reader.size; ) {
        const count = await reader.read(at, buffer)
        if (count <= 0) return undefined
        hash.update(buffer.subarray(0, count))
        at += count
      }
      return hash.digest('hex')
    } catch {
      // Sectors that cannot be read are damage like any other.
      return undefined
    } finally {
      await reader.close()
    }
  }

  async #noteDamage({ digest }: ObjectRecord, detail: string): Promise<void> {
    const about = { severity: 'error', kind: 'object-damaged', detail, object: digest } as const
    if (this.#options.repair !== true) return this.#note(about)
    const repaired = (await this.#store.objects.verify(digest)) !== 'sound'
    this.#note({ ...about, repaired })
  }

  async #noteOrphan(object: ObjectRecord): Promise<void> {
    const repaired = this.#options.repair === true
    if (repaired) {
      await this.#store.records.retention.addUnreferenced([object], this.#store.clock.now())
    }
    const detail = 'Nobody refers to it: a crash left it.'
    const about = { kind: 'orphan', detail, object: object.digest } as const
    this.#note({ severity: 'warning', ...about, ...(repaired ? { repaired } : {}) })
  }
}
