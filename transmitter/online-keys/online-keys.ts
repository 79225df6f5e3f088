import path from 'node:path'
import type { ChannelName } from '../../protocol/index.ts'
import type { FileSystem } from '../../store/durable-files/index.ts'
import {
  encodePrivateKey,
  generateKeyPair,
  type KeyPair,
  parsePrivateKey,
} from '../../trust/index.ts'
import { loadOrMakeSecret } from '../access/index.ts'

/** What a transmitter signs for a channel with. */
export type OnlineOffice = 'online' | 'ticket' | 'overlay'

/** The folder of the keys, below the transmitter's. */
export const keysFolder = 'keys'

/**
 * The keys that a transmitter holds: per channel one for snapshot and timestamp, one for tickets,
 * one for overlays of plug-ins. Files of mode 0600 in a folder of mode 0700 (S42).
 */
export class OnlineKeys {
  readonly #fs: FileSystem
  readonly #directory: string
  readonly #keys = new Map<string, Promise<KeyPair>>()

  constructor(options: { readonly fs: FileSystem; readonly directory: string }) {
    this.#fs = options.fs
    this.#directory = path.join(options.directory, keysFolder)
  }

  /** The key of a channel's office, made when it is asked for the first time. */
  key(channel: ChannelName, office: OnlineOffice): Promise<KeyPair> {
    const name = `${channel}.${office}`
    let key = this.#keys.get(name)
    if (key === undefined) {
      key = this.#loadOrMake(name)
      this.#keys.set(name, key)
      key.catch(() => this.#keys.delete(name))
    }
    return key
  }

  async #loadOrMake(name: string): Promise<KeyPair> {
    const file = path.join(this.#directory, `${name}.pem`)
    return parsePrivateKey(
      await loadOrMakeSecret(this.#fs, file, () => encodePrivateKey(generateKeyPair())),
    )
  }
}
