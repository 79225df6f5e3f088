import path from 'node:path'
import {
  canonicalJson,
  digestOf,
  isChannelName,
  isDigest,
  isLongwaveError,
  type Json,
  parseCanonicalJson,
} from '../../protocol/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  inParallel,
  isErrno,
  isTemporaryName,
  removeTree,
  temporaryName,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import { tunerError } from '../errors.ts'
import { readStateFile } from '../state-file.ts'
import { ReadTokens } from './read-tokens.ts'
import type { Subscription } from './subscription.ts'

const format = 'longwave-subscription-state-1'
const recordBytesMax = 64 * 1024
/** Records that are read at one time. */
const concurrentRecords = 16

/** A subscription whose record cannot be read: only its id is known. */
export interface DamagedSubscription {
  readonly id: string
  /** LW_TUNER_STATE_DAMAGED. */
  readonly error: unknown
}

/**
 * Subscriptions on the disk: one folder each, with `subscription.json`, `trust.json` and what the
 * subscription keeps. These files are the authority; records elsewhere are rebuilt from them. The
 * tuner that owns the home reads them once.
 */
export class SubscriptionStore {
  /** What opens closed channels to these subscriptions. */
  readonly tokens: ReadTokens
  readonly #fs: FileSystem
  readonly #directory: string
  #known: Promise<Map<string, Subscription | Error>> | undefined
  #version = 0

  /** @param options.directory `HOME/tuner` */
  constructor(options: { readonly fs: FileSystem; readonly directory: string }) {
    this.#fs = options.fs
    this.#directory = options.directory
    this.tokens = new ReadTokens({ fs: options.fs, directoryOf: (id) => this.directoryOf(id) })
  }

  /** Grows with every change, so that others know when to look again. */
  get version(): number {
    return this.#version
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

  /** All that can be read, by name. */
  async list(): Promise<readonly Subscription[]> {
    const all: Subscription[] = []
    for (const one of (await this.#load()).values()) if (!(one instanceof Error)) all.push(one)
    return all.sort((a, b) =>
      a.name === b.name ? (a.id < b.id ? -1 : 1) : a.name < b.name ? -1 : 1,
    )
  }

  /** What is damaged: it must not hide the others, nor be hidden by them. */
  async damaged(): Promise<readonly DamagedSubscription[]> {
    const all: DamagedSubscription[] = []
    for (const [id, error] of await this.#load()) {
      if (error instanceof Error) all.push({ id, error })
    }
    return all.sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** @throws LW_TUNER_STATE_DAMAGED */
  async find(id: string): Promise<Subscription | undefined> {
    const found = (await this.#load()).get(id)
    if (found instanceof Error) throw found
    return found
  }

  #load(): Promise<Map<string, Subscription | Error>> {
    this.#known ??= this.#readAll().catch((error: unknown) => {
      this.#known = undefined
      throw error
    })
    return this.#known
  }

  async #readAll(): Promise<Map<string, Subscription | Error>> {
    const known = new Map<string, Subscription | Error>()
    for (const [folder, prefix] of [
      ['channels', ''],
      ['folders', 'folder:'],
    ] as const) {
      await inParallel(await this.#names(folder), concurrentRecords, async (name) => {
        const id = `${prefix}${name}`
        const one = await this.#read(id).catch((error: unknown) => {
          if (isLongwaveError(error, 'LW_TUNER_STATE_DAMAGED')) return error
          throw error
        })
        if (one !== undefined) known.set(id, one)
      })
    }
    return known
  }

  async #names(folder: string): Promise<readonly string[]> {
    try {
      const entries = await this.#fs.readdir(path.join(this.#directory, folder))
      return entries
        .filter((entry) => entry.type === 'directory' && !isTemporaryName(entry.name))
        .map((entry) => entry.name)
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return []
      throw error
    }
  }

  async #read(id: string): Promise<Subscription | undefined> {
    const file = path.join(this.directoryOf(id), 'subscription.json')
    const bytes = await readStateFile(this.#fs, file, {
      bytesMax: recordBytesMax,
      next: whenDamaged(id),
    })
    return bytes === undefined ? undefined : parseSubscription(bytes, { id, file })
  }

  /** Keeps a subscription durably; a crash leaves the old one or the new one. */
  async save(subscription: Subscription): Promise<void> {
    const known = await this.#load()
    const directory = this.directoryOf(subscription.id)
    await ensureDirectory(this.#fs, directory, { mode: 0o755 })
    const body: Json = { format, subscription: subscription as unknown as Json }
    await writeFileDurably(
      this.#fs,
      path.join(directory, 'subscription.json'),
      canonicalJson(body),
      { mode: 0o600 },
    )
    known.set(subscription.id, subscription)
    this.#version++
  }

  /**
   * Removes a subscription. Where nothing is kept its folder goes in one step, and what a crash
   * leaves of it has a temporary name. Otherwise the record goes first, so that a crash leaves a
   * folder without one, which the next subscription of that name clears.
   */
  async remove(id: string, keep: readonly string[]): Promise<void> {
    if (keep.length === 0) return this.#removeWhole(id)
    await this.tokens.remove(id)
    await this.forget(id)
    await this.clear(id, keep)
  }

  async #removeWhole(id: string): Promise<void> {
    const known = await this.#load()
    const directory = this.directoryOf(id)
    const room = path.dirname(directory)
    const away = path.join(room, temporaryName())
    try {
      await this.#fs.rename(directory, away)
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error
    }
    known.delete(id)
    this.tokens.drop(id)
    this.#version++
    await this.#fs.syncDirectory(room)
    try {
      await removeTree(this.#fs, away)
    } catch (error) {
      // It is gone as a subscription; the rest goes when the home is opened the next time.
      if (!isErrno(error)) throw error
    }
  }

  /** Removes the record alone. */
  async forget(id: string): Promise<void> {
    const known = await this.#load()
    const directory = this.directoryOf(id)
    try {
      await this.#fs.unlink(path.join(directory, 'subscription.json'))
      await this.#fs.syncDirectory(directory)
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error
    }
    known.delete(id)
    this.#version++
  }

  /** Removes what lies in a subscription's folder, but for the names to keep. */
  async clear(id: string, keep: readonly string[]): Promise<void> {
    const directory = this.directoryOf(id)
    this.tokens.drop(id)
    for (const name of await this.#entriesOf(directory)) {
      if (!keep.includes(name)) await removeTree(this.#fs, path.join(directory, name))
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

/** Only the tuner's state goes with it: the files of a synchronized folder stay. */
function whenDamaged(id: string): string {
  return `longwave unsubscribe ${id}  # removes this broken state; then subscribe again, or restore the file from a backup instead`
}

/** The id of the subscription that keeps a folder current. */
export function folderSubscriptionId(directory: string): string {
  return `folder:${digestOf(directory).slice(0, 24)}`
}

function folderHash(id: string): string | undefined {
  return /^folder:([0-9a-f]{24})$/.exec(id)?.[1]
}

function parseSubscription(
  bytes: Uint8Array,
  at: { readonly id: string; readonly file: string },
): Subscription {
  try {
    const value = parseCanonicalJson(bytes, { bytesMax: recordBytesMax }) as {
      readonly format?: unknown
      readonly subscription?: Subscription
    }
    const subscription = value.subscription
    if (value.format !== format || subscription === undefined) throw new TypeError('other format')
    if (subscription.id !== at.id || !isChannelName(subscription.name)) {
      throw new TypeError('identity')
    }
    if (!isDigest(subscription.channel)) throw new TypeError('channel')
    return subscription
  } catch (cause) {
    throw tunerError('LW_TUNER_STATE_DAMAGED', {
      detail: `${at.file} was altered.`,
      untouched: 'Other subscriptions are not touched by that.',
      next: whenDamaged(at.id),
      cause,
    })
  }
}
