import fs, { type Stats } from 'node:fs'
import type { FileHandle, FileStats } from './file-system.ts'

/** Ends an operation; those that bring nothing end without a value. */
type Done<T> = (error: NodeJS.ErrnoException | null, value?: T) => void

/** Opens a file of the real file system. */
export function openNodeFile(
  path: string,
  flags: string | number,
  mode: number,
): Promise<NodeFileHandle> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, mode, (error, fd) => {
      if (error === null) resolve(new NodeFileHandle(fd))
      else reject(error)
    })
  })
}

/**
 * An open file by its descriptor alone: where thousands of small files are written, Node's own
 * handle objects cost more than the system's work. As with those, closing waits for what is under
 * way, so that the number of a descriptor never means another file to it.
 */
class NodeFileHandle implements FileHandle {
  readonly #fd: number
  #running = 0
  #closing: Promise<void> | undefined
  #onIdle: (() => void) | undefined

  constructor(fd: number) {
    this.#fd = fd
  }

  get fd(): number {
    return this.#closing === undefined ? this.#fd : -1
  }

  async read(position: number, into: Uint8Array): Promise<number> {
    let done = 0
    while (done < into.byteLength) {
      const left = into.byteLength - done
      const count = await this.#run<number>((end) =>
        fs.read(this.#fd, into, done, left, position + done, end),
      )
      if (count === 0) break
      done += count
    }
    return done
  }

  async write(bytes: Uint8Array, position?: number): Promise<void> {
    let done = 0
    while (done < bytes.byteLength) {
      const at = position === undefined ? null : position + done
      const left = bytes.byteLength - done
      done += await this.#run<number>((end) => fs.write(this.#fd, bytes, done, left, at, end))
    }
  }

  sync(): Promise<void> {
    return this.#run((end) => fs.fsync(this.#fd, end))
  }

  truncate(length: number): Promise<void> {
    return this.#run((end) => fs.ftruncate(this.#fd, length, end))
  }

  chmod(mode: number): Promise<void> {
    return this.#run((end) => fs.fchmod(this.#fd, mode, end))
  }

  utimes(atimeMs: number, mtimeMs: number): Promise<void> {
    return this.#run((end) => fs.futimes(this.#fd, atimeMs / 1000, mtimeMs / 1000, end))
  }

  async stat(): Promise<FileStats> {
    return statsOf(await this.#run<Stats>((end) => fs.fstat(this.#fd, end)))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#running > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
    }
    await new Promise<void>((resolve, reject) => {
      fs.close(this.#fd, (error) => (error == null ? resolve() : reject(error)))
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #run<T>(start: (end: Done<T>) => void): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(closedError())
    this.#running += 1
    return new Promise((resolve, reject) => {
      start((error, value) => {
        this.#running -= 1
        if (this.#running === 0) this.#onIdle?.()
        if (error == null) resolve(value as T)
        else reject(error)
      })
    })
  }
}

/** What the system would say of a descriptor that is not open. */
function closedError(): Error {
  return Object.assign(new Error('EBADF: bad file descriptor'), { code: 'EBADF', errno: -9 })
}

/** The facts of a file that Node tells. */
export function statsOf(stats: Stats): FileStats {
  return {
    type: typeOf(stats),
    size: stats.size,
    mode: stats.mode & 0o7777,
    mtimeMs: stats.mtimeMs,
    ctimeMs: stats.ctimeMs,
    inode: stats.ino,
    device: stats.dev,
    links: stats.nlink,
    uid: stats.uid,
  }
}

/** What kind of thing Node says that a name stands for. */
export function typeOf(
  entry: Pick<Stats, 'isFile' | 'isDirectory' | 'isSymbolicLink'>,
): FileStats['type'] {
  if (entry.isFile()) return 'file'
  if (entry.isDirectory()) return 'directory'
  return entry.isSymbolicLink() ? 'symlink' : 'other'
}
