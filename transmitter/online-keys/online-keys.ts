import path from 'node:path'
import type { ChannelName } from '../../protocol/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  isErrno,
  readFileIfPresent,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import { encodePrivateKey, generateKeyPair, type KeyPair, parsePrivateKey } from '../../trust/index.ts'

/** What a transmitter signs for a channel with. */
export type OnlineOffice = 'online' | 'ticket' | 'overlay'

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
    this.#directory = options.directory
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
    await ensureDirectory(this.#fs, this.#directory, { mode: 0o700 })
    const file = path.join(this.#directory, `${name}.pem`)
    const text = await readFileIfPresent(this.#fs, file, { bytesMax: 64 * 1024 })
    if (text !== undefined) return parsePrivateKey(text.toString('utf8'))
    const pair = generateKeyPair()
    await this.#keepFirst(file, encodePrivateKey(pair))
    const kept = await this.#fs.readFile(file)
    return parsePrivateKey(kept.toString('utf8'))
  }

  /** Of two processes that make the key at the same time the first one's stays. */
  async #keepFirst(file: string, text: string): Promise<void> {
    const own = `${file}.${process.pid}`
    await writeFileDurably(this.#fs, own, text, { mode: 0o600 })
    try {
      await this.#fs.link(own, file)
      await this.#fs.syncDirectory(this.#directory)
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error
    } finally {
      await this.#fs.unlink(own)
    }
  }
}
