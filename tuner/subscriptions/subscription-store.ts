import path from 'node:path'
import {
  canonicalJson,
  type Digest,
  digestOf,
  isChannelName,
  isDigest,
  type Json,
  parseCanonicalJson,
} from '../../protocol/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  isErrno,
  readFileIfPresent,
  removeTree,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import { tunerError } from '../errors.ts'
import type { Subscription } from './subscription.ts'

const format = 'longwave-subscription-state-1'
const recordBytesMax = 64 * 1024

/**
 * Subscriptions on the disk: one folder each, with `subscription.json`, `trust.json` and what the
 * subscription keeps. These files are the authority; records elsewhere are rebuilt from them.
 */
export class SubscriptionStore {
  readonly #fs: FileSystem
  readonly #directory: string

  /** @param options.directory `HOME/tuner` */
  constructor(options: { readonly fs: FileSystem; readonly directory: string }) {
    this.#fs = options.fs
    this.#directory = options.directory
  }

  /** Where a subscription keeps its state. */
  directoryOf(id: string): string {
    const folder = folderHash(id)
    return folder === undefined
      ? path.join(this.#directory, 'channels', id)
      : path.join(this.#directory, 'folders', folder)
  }

  trustFile(id: string): string {
    return path.join(this.directoryOf(id), 'trust.json')
  }

  async list(): Promise<readonly Subscription[]> {
    const all: Subscription[] = []
    for (const [folder, prefix] of [
      ['channels', ''],
      ['folders', 'folder:'],
    ] as const) {
      for (const name of await this.#names(folder)) {
        const subscription = await this.find(`${prefix}${name}`)
        if (subscription !== undefined) all.push(subscription)
      }
    }
    return all.sort((a, b) => (a.name === b.name ? (a.id < b.id ? -1 : 1) : a.name < b.name ? -1 : 1))
  }

  async #names(folder: string): Promise<readonly string[]> {
    try {
      const entries = await this.#fs.readdir(path.join(this.#directory, folder))
      return entries.filter((entry) => entry.type === 'directory').map((entry) => entry.name)
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return []
      throw error
    }
  }

  /** @throws LW_TUNER_STATE_DAMAGED */
  async find(id: string): Promise<Subscription | undefined> {
    const file = path.join(this.directoryOf(id), 'subscription.json')
    const bytes = await readFileIfPresent(this.#fs, file, { bytesMax: recordBytesMax })
    return bytes === undefined ? undefined : parseSubscription(bytes, id)
  }

  /** Keeps a subscription durably; a crash leaves the old one or the new one. */
  async save(subscription: Subscription): Promise<void> {
    const directory = this.directoryOf(subscription.id)
    await ensureDirectory(this.#fs, directory, { mode: 0o755 })
    const body: Json = { format, subscription: subscription as unknown as Json }
    await writeFileDurably(
      this.#fs,
      path.join(directory, 'subscription.json'),
      canonicalJson(body),
      { mode: 0o600 },
    )
  }

  /**
   * Removes a subscription. The record goes first, so that a crash leaves a folder without one,
   * which the next subscription of that name clears.
   */
  async remove(id: string, options: { readonly keepData: boolean }): Promise<void> {
    const directory = this.directoryOf(id)
    await this.#fs.unlink(path.join(directory, 'subscription.json')).catch(ignoreAbsence)
    await this.#fs.syncDirectory(directory)
    await this.clear(id, options)
  }

  /** Removes what lies in a subscription's folder, its own writable data on demand. */
  async clear(id: string, options: { readonly keepData: boolean }): Promise<void> {
    const directory = this.directoryOf(id)
    for (const name of await this.#entriesOf(directory)) {
      if (name === 'data' && options.keepData) continue
      await removeTree(this.#fs, path.join(directory, name))
    }
    if ((await this.#entriesOf(directory)).length === 0) await removeTree(this.#fs, directory)
  }

  async #entriesOf(directory: string): Promise<readonly string[]> {
    try {
      return (await this.#fs.readdir(directory)).map((entry) => entry.name)
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return []
      throw error
    }
  }
}

function ignoreAbsence(error: unknown): void {
  if (!isErrno(error, 'ENOENT')) throw error
}

/** The id of the subscription that keeps a folder current. */
export function folderSubscriptionId(directory: string): string {
  return `folder:${digestOf(directory).slice(0, 24)}`
}

function folderHash(id: string): string | undefined {
  return /^folder:([0-9a-f]{24})$/.exec(id)?.[1]
}

function parseSubscription(bytes: Uint8Array, id: string): Subscription {
  try {
    const value = parseCanonicalJson(bytes, { bytesMax: recordBytesMax }) as {
      readonly format?: unknown
      readonly subscription?: Subscription
    }
    const subscription = value.subscription
    if (value.format !== format || subscription === undefined) throw new TypeError('other format')
    if (subscription.id !== id || !isChannelName(subscription.name)) throw new TypeError('identity')
    if (!isDigest(subscription.channel as Digest)) throw new TypeError('channel')
    return subscription
  } catch (cause) {
    throw tunerError('LW_TUNER_STATE_DAMAGED', {
      detail: `subscription.json of ${JSON.stringify(id)}.`,
      next: 'Unsubscribe and subscribe again, or restore the file from a backup.',
      cause,
    })
  }
}
