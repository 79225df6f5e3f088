import { constants } from 'node:fs'
import path from 'node:path'
import { type FileHandle, type FileSystem, isErrno } from '../../store/durable-files/index.ts'

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants
const folderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW

/**
 * Reaches folders below a root without following a link on the way, whoever swaps what meanwhile.
 * On Linux every part is opened from the descriptor of the one before and work happens through
 * `/proc/self/fd`, so a part that becomes a link after the look is of no use to anybody. Elsewhere
 * every part is looked at just before.
 */
export class FolderAnchor {
  readonly #fs: FileSystem
  readonly #root: string

  constructor(options: { readonly fs: FileSystem; readonly directory: string }) {
    this.#fs = options.fs
    this.#root = options.directory
  }

  /**
   * Runs work with a path that stands for a folder below the root (`''` for the root itself).
   * Names joined to that path are in this folder and no other.
   * @throws ENOENT, ENOTDIR (a link or a file in the way) as errors of the system
   */
  async inFolder<T>(folder: string, work: (at: string) => Promise<T>): Promise<T> {
    const held = await this.open(folder)
    try {
      return await work(held.at)
    } finally {
      await held.close()
    }
  }

  /** The same for work that outlasts one call; close it. */
  async open(folder: string): Promise<{ readonly at: string; close(): Promise<void> }> {
    const parts = folder === '' ? [] : folder.split('/')
    const root = await this.#openPart(this.#root)
    if (root === undefined) return { at: await this.#lookAt(parts), close: async () => undefined }
    let handle = root
    for (const part of parts) {
      const parent = handle
      try {
        handle = await this.#fs.open(path.join(pathOf(parent), part), folderFlags)
      } finally {
        await parent.close()
      }
    }
    return { at: pathOf(handle), close: () => handle.close() }
  }

  /** Undefined where there are no descriptors to hold on to. */
  async #openPart(file: string): Promise<FileHandle | undefined> {
    if (process.platform !== 'linux') return undefined
    let handle: FileHandle
    try {
      handle = await this.#fs.open(file, folderFlags)
    } catch (error) {
      // A file system in memory has no flags.
      if (isErrno(error, 'EINVAL')) return undefined
      throw error
    }
    if (handle.fd !== undefined) return handle
    await handle.close()
    return undefined
  }

  async #lookAt(parts: readonly string[]): Promise<string> {
    let at = this.#root
    for (const part of ['', ...parts]) {
      at = path.join(at, part)
      const { type } = await this.#fs.lstat(at)
      if (type !== 'directory')
        throw Object.assign(new Error(`ENOTDIR: ${at}`), { code: 'ENOTDIR' })
    }
    return at
  }
}

function pathOf(handle: FileHandle): string {
  return `/proc/self/fd/${handle.fd}`
}

/**
 * Opens what a look said to be a plain file: a link in its place is refused and a pipe does not
 * block.
 * @throws ENOENT, ELOOP as errors of the system
 */
export async function openPlainFile(fs: FileSystem, file: string): Promise<FileHandle> {
  if (process.platform === 'win32') return fs.open(file, 'r')
  let handle: FileHandle
  try {
    handle = await fs.open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (error) {
    if (!isErrno(error, 'EINVAL')) throw error
    handle = await fs.open(file, 'r')
  }
  if ((await handle.stat()).type === 'file') return handle
  await handle.close()
  throw Object.assign(new Error(`not a plain file: ${file}`), { code: 'ENOENT' })
}
