import path from 'node:path'
import type { DeviceRecords, RecordSpace } from '../../store/device-records/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  type Randomness,
  readFileIfPresent,
  removeIfPresent,
  writeFileDurably,
} from '../../store/durable-files/index.ts'

/** How a program of this user reaches the back channel of one subscription. */
export interface ChannelAccess {
  /** The socket's file. */
  readonly socket: string
  readonly token: string
  /** The channel's own writable folder. */
  readonly data: string
}

const accessBytesMax = 64 * 1024

/**
 * Sockets and tokens of subscriptions. A token stays the same from start to start, so that channels
 * that run on while the tuner is started again find it as it was.
 */
export class ChannelAccesses {
  readonly #fs: FileSystem
  readonly #randomness: Randomness
  readonly #tokens: RecordSpace<string>
  /** `HOME/tuner/backchannel` */
  readonly directory: string

  constructor(options: {
    readonly fs: FileSystem
    readonly directory: string
    readonly records: DeviceRecords
    readonly randomness: Randomness
  }) {
    this.#fs = options.fs
    this.#randomness = options.randomness
    this.#tokens = options.records.space<string>('channel-tokens')
    this.directory = path.join(options.directory, 'backchannel')
  }

  /** The name of a subscription's socket in the folder. */
  socketName(subscription: string): string {
    return `${baseOf(subscription)}.sock`
  }

  /** Writes down how the subscription is reached, for programs of this user. */
  async open(subscription: string, data: string): Promise<ChannelAccess> {
    await ensureDirectory(this.#fs, this.directory, { mode: 0o700 })
    const socket = path.join(this.directory, this.socketName(subscription))
    const access = { socket, token: await this.#token(subscription), data }
    const file = this.#fileOf(subscription)
    await writeFileDurably(this.#fs, file, JSON.stringify(access), { mode: 0o600 })
    return access
  }

  async #token(subscription: string): Promise<string> {
    const known = await this.#tokens.get(subscription)
    if (known !== undefined) return known
    const token = `lwc_${Buffer.from(this.#randomness.bytes(32)).toString('base64url')}`
    await this.#tokens.put(subscription, token)
    return token
  }

  /** How the subscription is reached now; undefined when no tuner serves it. */
  async find(subscription: string): Promise<ChannelAccess | undefined> {
    const file = this.#fileOf(subscription)
    const bytes = await readFileIfPresent(this.#fs, file, { bytesMax: accessBytesMax })
    return bytes === undefined ? undefined : JSON.parse(bytes.toString('utf8'))
  }

  async close(subscription: string): Promise<void> {
    await removeIfPresent(this.#fs, this.#fileOf(subscription))
  }

  #fileOf(subscription: string): string {
    return path.join(this.directory, `${baseOf(subscription)}.json`)
  }
}

function baseOf(subscription: string): string {
  return subscription.replace(':', '-')
}
