import { createHash } from 'node:crypto'
import path from 'node:path'
import { type Digest, digestFromBytes, isDigest } from '../protocol/index.ts'
import {
  ensureDirectory,
  type FileHandle,
  type FileSystem,
  inParallel,
  removeTree,
} from '../store/durable-files/index.ts'

/** Objects of an earlier run that are hashed at one time. */
const concurrentHashes = 4

/**
 * Where fetched objects wait, by digest, until a transaction takes them. Only verified bytes get
 * an object's name. What an earlier, broken run left is used again after its bytes were hashed.
 */
export class StagingArea {
  readonly directory: string
  readonly #fs: FileSystem
  readonly #verified = new Set<Digest>()

  constructor(options: { readonly directory: string; readonly fileSystem: FileSystem }) {
    this.directory = options.directory
    this.#fs = options.fileSystem
  }

  get fileSystem(): FileSystem {
    return this.#fs
  }

  /** Makes the folders, and keeps of an earlier run what verifies. */
  async open(): Promise<void> {
    await ensureDirectory(this.#fs, path.join(this.directory, 'objects'), { mode: 0o700 })
    await ensureDirectory(this.#fs, path.join(this.directory, 'partial'), { mode: 0o700 })
    // Numbered outputs of a broken bundle have no identity yet: they cannot be continued.
    await removeTree(this.#fs, path.join(this.directory, 'output'))
    await ensureDirectory(this.#fs, path.join(this.directory, 'output'), { mode: 0o700 })
    const entries = await this.#fs.readdir(path.join(this.directory, 'objects'))
    await inParallel(entries, concurrentHashes, async (entry) => {
      const file = path.join(this.directory, 'objects', entry.name)
      const isWhole =
        entry.type === 'file' && isDigest(entry.name) && (await this.#hashOf(file)) === entry.name
      if (isWhole) this.#verified.add(entry.name as Digest)
      else await removeTree(this.#fs, file)
    })
  }

  has(digest: Digest): boolean {
    return this.#verified.has(digest)
  }

  /** The object's file; it exists once `has` says so. */
  objectPath(digest: Digest): string {
    return path.join(this.directory, 'objects', digest)
  }

  /** A file that a broken transfer continues. */
  partialPath(key: string): string {
    return path.join(this.directory, 'partial', key)
  }

  /** A numbered output of a bundle, without a name of the tree. */
  outputPath(index: number): string {
    return path.join(this.directory, 'output', String(index))
  }

  /** A scratch file, removed with the area. */
  scratchPath(name: string): string {
    return path.join(this.directory, 'output', `scratch-${name}`)
  }

  /** Gives verified bytes in memory their object's name. */
  async adoptBytes(digest: Digest, bytes: Uint8Array): Promise<void> {
    if (this.#verified.has(digest)) return
    const target = this.objectPath(digest)
    const handle = await this.#fs.open(target, 'w', 0o600)
    try {
      if (bytes.byteLength > 0) await handle.write(bytes)
    } finally {
      await handle.close()
    }
    this.#verified.add(digest)
  }

  /** Gives a verified file its object's name. */
  async adoptFile(digest: Digest, file: string): Promise<void> {
    if (this.#verified.has(digest)) await this.#fs.unlink(file)
    else await this.#fs.rename(file, this.objectPath(digest))
    this.#verified.add(digest)
  }

  /** Forgets an object that turned out not to be usable. */
  async drop(digest: Digest): Promise<void> {
    this.#verified.delete(digest)
    await this.#fs.unlink(this.objectPath(digest)).catch(ignoreMissing)
  }

  /** Removes the area with all that is in it. */
  async remove(): Promise<void> {
    this.#verified.clear()
    await removeTree(this.#fs, this.directory)
  }

  async #hashOf(file: string): Promise<string> {
    const handle = await this.#fs.open(file, 'r')
    try {
      return await hashHandle(handle)
    } finally {
      await handle.close()
    }
  }
}

/** SHA-256 of an open file from its start, in bounded memory. */
export async function hashHandle(handle: FileHandle): Promise<Digest> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(256 * 1024)
  for (let position = 0; ; ) {
    const count = await handle.read(position, buffer)
    if (count === 0) return digestFromBytes(hash.digest())
    hash.update(buffer.subarray(0, count))
    position += count
  }
}

export function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}
