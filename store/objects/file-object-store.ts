import { type Digest, digestOf } from '../../protocol/index.ts'
import { storeError } from '../errors.ts'
import {
  type FileHandle,
  type FileSystem,
  type Randomness,
  inParallel,
  isErrno,
  nodeFileSystem,
  nodeRandomness,
  orFileFailure,
  removeIfPresent,
} from '../durable-files/index.ts'
import { limits } from '../limits.ts'
import { digestOfFile } from './hashed-copy.ts'
import { ObjectGroup } from './object-group.ts'
import { ObjectIntake } from './object-intake.ts'
import { ObjectPaths, parseObjectName } from './object-paths.ts'
import type {
  IncomingObject,
  ListedObject,
  ObjectReader,
  ObjectStore,
  ObjectVariant,
  PartialObject,
  ReceiveManyOptions,
  ReceiveOutcome,
  ReceiveSummary,
  ScrubFinding,
  StoredObject,
  TidySummary,
} from './object-store.ts'
import { openPartialFile } from './partial-files.ts'
import { entriesOf, tidyStore } from './tidy-store.ts'
import { isSoundVariant, writeVariant } from './variant-files.ts'

export interface FileObjectStoreOptions {
  /** Holds `objects/`, `incoming/`, `partial/` and `damaged/`; made when it is missing. */
  readonly directory: string
  readonly fileSystem?: FileSystem
  readonly randomness?: Randomness
}

/** An object store on files: `objects/ab/abcdef…`, each read-only and never changed. */
export function createFileObjectStore(options: FileObjectStoreOptions): ObjectStore {
  return new FileObjectStore(options)
}

class FileObjectStore implements ObjectStore {
  readonly #fs: FileSystem
  readonly #paths: ObjectPaths
  readonly #intake: ObjectIntake
  readonly #randomness: Randomness
  readonly #openPartials = new Set<string>()

  constructor(options: FileObjectStoreOptions) {
    this.#fs = options.fileSystem ?? nodeFileSystem
    this.#randomness = options.randomness ?? nodeRandomness
    this.#paths = new ObjectPaths(options.directory)
    this.#intake = new ObjectIntake(this.#fs, this.#paths, this.#randomness)
  }

  async has(digest: Digest): Promise<boolean> {
    return (await this.size(digest)) !== undefined
  }

  async size(digest: Digest): Promise<number | undefined> {
    try {
      return (await this.#fs.stat(this.#paths.object(digest))).size
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined
      throw error
    }
  }

  async missing(digests: Iterable<Digest>): Promise<Set<Digest>> {
    const wanted = new Map<string, Digest[]>()
    for (const digest of digests) {
      const folder = this.#paths.fanOut(digest)
      const known = wanted.get(folder)
      if (known === undefined) wanted.set(folder, [digest])
      else known.push(digest)
    }
    const missing = new Set<Digest>()
    await inParallel(wanted, limits.fileConcurrency, async ([folder, group]) => {
      const names = new Set((await this.#namesIn(folder)).map((entry) => entry.name))
      for (const digest of group) if (!names.has(digest)) missing.add(digest)
    })
    return missing
  }

  async #namesIn(folder: string): Promise<readonly { readonly name: string }[]> {
    try {
      return await this.#fs.readdir(folder)
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return []
      throw error
    }
  }

  open(digest: Digest): Promise<ObjectReader | undefined> {
    return this.#openFile(this.#paths.object(digest))
  }

  openVariant(digest: Digest, variant: ObjectVariant): Promise<ObjectReader | undefined> {
    return this.#openFile(this.#paths.variant(digest, variant))
  }

  async #openFile(path: string): Promise<ObjectReader | undefined> {
    let handle: FileHandle
    try {
      handle = await this.#fs.open(path, 'r')
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined
      throw error
    }
    try {
      const { size } = await handle.stat()
      return new FileObjectReader(handle, { size, path })
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  async load(digest: Digest, options: { readonly bytesMax: number }): Promise<Uint8Array> {
    const reader = await this.open(digest)
    if (reader === undefined) throw storeError('LW_STORE_OBJECT_MISSING', { detail: `${digest}.` })
    try {
      if (reader.size > options.bytesMax) {
        throw storeError('LW_STORE_LIMIT', {
          detail: `Object ${digest} has ${reader.size} bytes; the limit is ${options.bytesMax}.`,
        })
      }
      const bytes = new Uint8Array(reader.size)
      const count = await orFileFailure(reader.read(0, bytes), 'an object was being read')
      if (count === bytes.byteLength && digestOf(bytes) === digest) return bytes
      throw storeError('LW_STORE_OBJECT_DAMAGED', { detail: `${digest}.` })
    } finally {
      await reader.close()
    }
  }

  async receive(
    object: IncomingObject,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<ReceiveOutcome> {
    if (await this.#holds(object)) return 'present'
    const group = new ObjectGroup(this.#intake)
    try {
      await group.write(object, options.signal)
      await group.finish()
    } catch (error) {
      await group.discard()
      throw error
    }
    return 'stored'
  }

  /** Whether the object is there; a file of another size is not it and makes way. */
  async #holds(object: StoredObject): Promise<boolean> {
    if (this.#intake.isDoubtful(object.digest)) return false
    const size = await this.size(object.digest)
    if (size === undefined || size === object.size) return size !== undefined
    // Who announces a wrong size must not push a sound object out.
    return (await this.verify(object.digest)) === 'sound'
  }

  async receiveMany(
    objects: AsyncIterable<IncomingObject> | Iterable<IncomingObject>,
    options: ReceiveManyOptions = {},
  ): Promise<ReceiveSummary> {
    const total = { storedObjects: 0, storedBytes: 0, presentObjects: 0 }
    let group = new ObjectGroup(this.#intake)
    const finishGroup = async (): Promise<void> => {
      const { stored, present } = await group.finish()
      group = new ObjectGroup(this.#intake)
      total.storedObjects += stored.length
      total.presentObjects += present.length
      for (const { size } of stored) total.storedBytes += size
      if (stored.length + present.length > 0) await options.onDurable?.([...stored, ...present])
    }
    try {
      for await (const object of objects) {
        options.signal?.throwIfAborted()
        if (group.holds(object.digest) || (await this.#holds(object))) group.addPresent(object)
        else await group.write(object, options.signal)
        if (group.isFull) await finishGroup()
      }
      await finishGroup()
    } catch (error) {
      await group.discard()
      throw error
    }
    return total
  }

  async delete(digest: Digest): Promise<boolean> {
    await removeIfPresent(this.#fs, this.#paths.variant(digest, 'br'))
    return removeIfPresent(this.#fs, this.#paths.object(digest))
  }

  async *list(): AsyncGenerator<ListedObject> {
    for (const folder of await this.#namesIn(this.#paths.objects)) {
      if (!/^[0-9a-f]{2}$/.test(folder.name)) continue
      const path = this.#paths.fanOut(folder.name as Digest)
      for (const { name } of await this.#namesIn(path)) {
        const parsed = parseObjectName(name)
        if (parsed === undefined || parsed.variant !== undefined) continue
        const listed = await this.#listed(parsed.digest)
        if (listed !== undefined) yield listed
      }
    }
  }

  async #listed(digest: Digest): Promise<ListedObject | undefined> {
    try {
      const stats = await this.#fs.stat(this.#paths.object(digest))
      return { digest, size: stats.size, storedAtMs: stats.mtimeMs }
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined
      throw error
    }
  }

  async verify(
    digest: Digest,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<'sound' | 'damaged' | 'absent'> {
    const file = this.#paths.object(digest)
    let handle: FileHandle
    try {
      handle = await this.#fs.open(file, 'r')
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return 'absent'
      throw error
    }
    try {
      if (await this.#isSound(handle, digest, options.signal)) return 'sound'
    } finally {
      await handle.close()
    }
    await removeIfPresent(this.#fs, this.#paths.variant(digest, 'br'))
    await this.#intake.setAside(file, this.#paths.damagedObject(digest))
    return 'damaged'
  }

  async #isSound(handle: FileHandle, digest: Digest, signal?: AbortSignal): Promise<boolean> {
    try {
      return (await digestOfFile(handle, signal)).digest === digest
    } catch (error) {
      // Sectors that cannot be read are damage like any other.
      if (error instanceof Error && isErrno(error.cause, 'EIO')) return false
      throw error
    }
  }

  async *scrub(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<ScrubFinding> {
    for await (const { digest, size } of this.list()) {
      const state = await this.verify(digest, options)
      if (state === 'absent') continue
      const variant = this.#paths.variant(digest, 'br')
      if (state === 'sound' && !(await isSoundVariant(this.#fs, variant, digest))) {
        await removeIfPresent(this.#fs, variant)
      }
      yield { state, digest, size }
    }
  }

  openPartial(key: string): Promise<PartialObject> {
    return openPartialFile(
      {
        fs: this.#fs,
        paths: this.#paths,
        intake: this.#intake,
        open: this.#openPartials,
        has: (object) => this.#holds(object),
      },
      key,
    )
  }

  async partialKeys(prefix: string): Promise<ReadonlySet<string>> {
    const entries = await orFileFailure(
      entriesOf(this.#fs, this.#paths.partial),
      'partial objects were being looked up',
    )
    const keys = entries.map(({ name }) => name).filter((name) => name.startsWith(prefix))
    return new Set(keys)
  }

  async putVariant(
    digest: Digest,
    variant: ObjectVariant,
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<void> {
    await this.#intake.ensureFolder(this.#paths.incoming)
    await writeVariant({
      fs: this.#fs,
      incoming: this.#paths.incoming,
      file: this.#paths.variant(digest, variant),
      randomness: this.#randomness,
      source,
    })
  }

  async tidy(options: { readonly partialsUntouchedSinceMs: number }): Promise<TidySummary> {
    const isOpen = (key: string): boolean => this.#openPartials.has(key)
    return orFileFailure(
      tidyStore({ fs: this.#fs, paths: this.#paths, isOpen, ...options }),
      'the object store was being tidied',
    )
  }
}

class FileObjectReader implements ObjectReader {
  readonly size: number
  readonly path: string
  readonly #handle: FileHandle

  constructor(handle: FileHandle, facts: { readonly size: number; readonly path: string }) {
    this.#handle = handle
    this.size = facts.size
    this.path = facts.path
  }

  get fd(): number {
    const { fd } = this.#handle
    if (fd === undefined) throw new TypeError('this file system has no descriptors')
    return fd
  }

  read(position: number, into: Uint8Array): Promise<number> {
    return this.#handle.read(position, into)
  }

  close(): Promise<void> {
    return this.#handle.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
