import { createHash } from 'node:crypto'
import path from 'node:path'
import type { Digest } from '../../protocol/index.ts'
import {
  type FileHandle,
  type FileSystem,
  type Randomness,
  ensureDirectory,
  cleaningUp,
  inParallel,
  isErrno,
  orFileFailure,
  removeIfPresent,
  temporaryName,
} from '../durable-files/index.ts'
import { limits } from '../limits.ts'
import { bytesOf, checkArrival, copyHashed } from './hashed-copy.ts'
import type { ObjectPaths } from './object-paths.ts'
import type { IncomingObject, StoredObject } from './object-store.ts'

/** Objects are never changed, so nobody may write to them. */
const objectMode = 0o444

/** A verified object under a temporary name, not durable yet. */
export interface WrittenObject extends StoredObject {
  readonly temporary: string
  /** Still open: fsync tells only the one who wrote of every failure. */
  readonly handle: FileHandle
}

/** Brings bytes from outside under their final names: write, verify, fsync, rename, fsync. */
export class ObjectIntake {
  readonly #fs: FileSystem
  readonly #paths: ObjectPaths
  readonly #randomness: Randomness
  readonly #folders = new Map<string, Promise<void>>()
  readonly #doubtful = new Set<Digest>()

  constructor(fs: FileSystem, paths: ObjectPaths, randomness: Randomness) {
    this.#fs = fs
    this.#paths = paths
    this.#randomness = randomness
  }

  /** Writes and verifies; the temporary file is removed when either fails. */
  async write(object: IncomingObject, signal?: AbortSignal): Promise<WrittenObject> {
    const fs = this.#fs
    await this.ensureFolder(this.#paths.incoming)
    const temporary = path.join(this.#paths.incoming, temporaryName(this.#randomness))
    return cleaningUp(fs, temporary, async () => {
      const handle = await orFileFailure(
        fs.open(temporary, 'wx', objectMode),
        'an object was being created',
      )
      try {
        const hash = createHash('sha256')
        const bytes = await copyHashed({
          source: bytesOf(fs, object.source),
          into: handle,
          position: 0,
          bytesMax: object.size,
          hash,
          signal,
        })
        checkArrival(object, bytes, hash)
      } catch (error) {
        await handle.close()
        throw error
      }
      return { digest: object.digest, size: object.size, temporary, handle }
    })
  }

  /** Makes the bytes of a written object durable and closes it. */
  async sync(object: WrittenObject): Promise<void> {
    try {
      await orFileFailure(object.handle.sync(), 'an object was being made durable')
    } finally {
      await object.handle.close()
    }
  }

  /** Gives written objects up. */
  async discard(group: readonly WrittenObject[]): Promise<void> {
    for (const { handle, temporary } of group) {
      await handle.close()
      await removeIfPresent(this.#fs, temporary).catch(() => undefined)
    }
  }

  /**
   * Gives synced objects their names, durably: every name, then each folder once. When it fails,
   * temporary files are removed, and names that may not be durable do not count as present until
   * they were written again.
   */
  async store(group: readonly WrittenObject[]): Promise<void> {
    const fs = this.#fs
    const folders = new Set(group.map((object) => this.#paths.fanOut(object.digest)))
    try {
      await inParallel(folders, limits.fileConcurrency, (folder) => this.ensureFolder(folder))
      await inParallel(group, limits.fileConcurrency, (object) => this.#name(object))
      await orFileFailure(
        inParallel(folders, limits.fileConcurrency, (folder) => fs.syncDirectory(folder)),
        'folders of objects were being made durable',
      )
    } catch (error) {
      await this.discard(group)
      throw error
    }
    for (const { digest } of group) this.#doubtful.delete(digest)
  }

  async #name(object: WrittenObject): Promise<void> {
    // Not removed on failure: another receiver of the same object may rely on the name.
    this.#doubtful.add(object.digest)
    await orFileFailure(
      this.#fs.rename(object.temporary, this.#paths.object(object.digest)),
      'an object was being named',
    )
  }

  /** Whether the name was given but its folder could not be made durable afterwards. */
  isDoubtful(digest: Digest): boolean {
    return this.#doubtful.has(digest)
  }

  /** Makes a folder of the store once; concurrent callers wait for the same attempt. */
  ensureFolder(folder: string): Promise<void> {
    const known = this.#folders.get(folder)
    if (known !== undefined) return known
    const making = orFileFailure(
      ensureDirectory(this.#fs, folder, { mode: 0o700 }),
      'a folder of the object store was being made',
    )
    this.#folders.set(folder, making)
    making.catch(() => this.#folders.delete(folder))
    return making
  }

  /** Moves a file that is not what its name says out of the way; undone by nobody. */
  async setAside(file: string, aside: string): Promise<void> {
    await this.ensureFolder(this.#paths.damaged)
    try {
      await this.#fs.rename(file, aside)
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error
    }
  }
}
