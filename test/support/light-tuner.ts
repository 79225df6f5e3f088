import { readFile } from 'node:fs/promises'
import path from 'node:path'
import {
  fetchRelease,
  type FetchedRelease,
  type FetchProgress,
  pollChannel,
  type ReleaseBase,
  StagingArea,
} from '../../mirroring/index.ts'
import { type ChannelAddress, type Digest, filesOf } from '../../protocol/index.ts'
import { nodeFileSystem } from '../../store/durable-files/index.ts'
import { systemClock, type Transport } from '../../transport/index.ts'
import { createTrustClient, type TrustClient, type TrustOutcome } from '../../trust/index.ts'

/**
 * The part of a tuner that reads the wire, without schedules and generations: every object that it
 * ever had stays in one staging folder.
 */
export class LightTuner {
  readonly client: TrustClient
  readonly #options: {
    readonly address: ChannelAddress
    readonly directory: string
    readonly transport: Transport
  }
  readonly #staging: StagingArea
  #isOpen = false
  held: FetchedRelease | undefined
  receivedBytes = 0

  constructor(options: {
    readonly address: ChannelAddress
    readonly directory: string
    readonly transport: Transport
  }) {
    this.#options = options
    this.client = createTrustClient({
      state: undefined,
      ...(options.address.channelId === undefined ? {} : { channelId: options.address.channelId }),
      firstUse: options.address.channelId === undefined ? 'trust-on-first-use' : 'pinned',
      clock: systemClock,
    })
    this.#staging = new StagingArea({
      directory: path.join(options.directory, 'staging'),
      fileSystem: nodeFileSystem,
    })
  }

  get release(): number {
    return this.held?.manifest.release ?? 0
  }

  /** The head as one server has it. */
  async poll(url: string, mirror: boolean): Promise<TrustOutcome> {
    const { transport } = this.#options
    const poll = await pollChannel({ transport, url, client: this.client, mirror })
    this.receivedBytes += poll.receivedBytes
    return poll.trust
  }

  /** Brings what the last poll verified. */
  async fetch(
    sources: readonly string[],
    trust: TrustOutcome,
    onProgress?: (progress: FetchProgress) => void,
  ): Promise<FetchedRelease> {
    const { transport, address } = this.#options
    if (!this.#isOpen) await this.#staging.open()
    this.#isOpen = true
    const fetched = await fetchRelease({
      transport,
      clock: systemClock,
      sources,
      staging: this.#staging,
      channel: trust.state.channelId,
      name: address.name,
      head: trust.head,
      base: this.#base(),
      ...(onProgress === undefined ? {} : { onProgress }),
    })
    const { manifest, bundle, objects } = fetched.cost
    this.receivedBytes += manifest + bundle + objects
    this.held = fetched
    return fetched
  }

  #base(): ReleaseBase | undefined {
    const { held } = this
    if (held === undefined) return undefined
    const has = (digest: Digest): boolean => this.#staging.has(digest)
    return {
      release: held.manifest.release,
      manifest: held.manifest,
      manifestBytes: held.manifestBytes,
      has,
      source: {
        open: async (digest) => {
          const bytes = await readFile(this.#staging.objectPath(digest))
          return {
            size: bytes.byteLength,
            read: async (position, into) => {
              const part = bytes.subarray(position, position + into.byteLength)
              into.set(part)
              return part.byteLength
            },
            close: async () => undefined,
          }
        },
      },
    }
  }

  /** A file of the release that is held. */
  async read(file: string): Promise<string> {
    const { held } = this
    const entry = held && filesOf(held.manifest).find((each) => each.path === file)
    if (entry === undefined) throw new Error(`there is no ${file}`)
    return readFile(this.#staging.objectPath(entry.sha256), 'utf8')
  }
}
