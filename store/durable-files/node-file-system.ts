import { type Dirent, type Stats, constants } from 'node:fs'
import fs from 'node:fs/promises'
import type {
  CopyOptions,
  DirectoryEntry,
  FileHandle,
  FileStats,
  FileSystem,
  FileType,
  OpenFlags,
} from './file-system.ts'

const isWindows = process.platform === 'win32'

/** Opening a pipe that nobody writes to must not wait for ever; files do not care. */
const readOnly = constants.O_RDONLY | (isWindows ? 0 : constants.O_NONBLOCK)

/** The real file system. */
export const nodeFileSystem: FileSystem = {
  async mkdir(path, options = {}) {
    await fs.mkdir(path, { mode: options.mode ?? 0o777 })
  },
  async open(path: string, flags: OpenFlags, mode = 0o666): Promise<FileHandle> {
    return new NodeFileHandle(await fs.open(path, flags === 'r' ? readOnly : flags, mode))
  },
  readFile: (path) => fs.readFile(path),
  rename: (from, to) => fs.rename(from, to),
  link: (existing, path) => fs.link(existing, path),
  symlink: (target, path) => fs.symlink(target, path),
  unlink: (path) => fs.unlink(path),
  rmdir: (path) => fs.rmdir(path),
  chmod: (path, mode) => fs.chmod(path, mode),
  utimes: (path, atimeMs, mtimeMs) => fs.utimes(path, atimeMs / 1000, mtimeMs / 1000),
  readdir,
  lstat: async (path) => statsOf(await fs.lstat(path)),
  stat: async (path) => statsOf(await fs.stat(path)),
  readlink: (path) => fs.readlink(path),
  realpath: (path) => fs.realpath(path),
  async copyFile(from: string, to: string, { clone }: CopyOptions) {
    const how = clone === 'force' ? constants.COPYFILE_FICLONE_FORCE : constants.COPYFILE_FICLONE
    await fs.copyFile(from, to, constants.COPYFILE_EXCL | how)
  },
  async statfs(path) {
    const space = await fs.statfs(path)
    return {
      freeBytes: space.bavail * space.bsize,
      totalBytes: space.blocks * space.bsize,
      freeNames: space.ffree,
      totalNames: space.files,
    }
  },
  async syncDirectory(path) {
    if (isWindows) return
    const handle = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
}

class NodeFileHandle implements FileHandle {
  readonly #handle: fs.FileHandle
  #isOpen = true

  constructor(handle: fs.FileHandle) {
    this.#handle = handle
  }

  get fd(): number {
    return this.#handle.fd
  }

  async read(position: number, into: Uint8Array): Promise<number> {
    let done = 0
    while (done < into.byteLength) {
      const left = into.byteLength - done
      const { bytesRead } = await this.#handle.read(into, done, left, position + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return done
  }

  async write(bytes: Uint8Array, position?: number): Promise<void> {
    let done = 0
    while (done < bytes.byteLength) {
      const at = position === undefined ? null : position + done
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.byteLength - done, at)
      done += bytesWritten
    }
  }

  sync(): Promise<void> {
    return this.#handle.sync()
  }

  truncate(length: number): Promise<void> {
    return this.#handle.truncate(length)
  }

  chmod(mode: number): Promise<void> {
    return this.#handle.chmod(mode)
  }

  utimes(atimeMs: number, mtimeMs: number): Promise<void> {
    return this.#handle.utimes(atimeMs / 1000, mtimeMs / 1000)
  }

  async stat(): Promise<FileStats> {
    return statsOf(await this.#handle.stat())
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    await this.#handle.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

async function readdir(path: string): Promise<readonly DirectoryEntry[]> {
  const entries = await fs.readdir(path, { withFileTypes: true })
  const plain = entries.map((entry) => ({ name: entry.name, type: typeOf(entry) }))
  if (!plain.some((entry) => entry.name.includes('\ufffd'))) return plain
  // A replacement character may be the name's own or stand for bytes that are not UTF-8.
  const raw = await fs.readdir(path, { withFileTypes: true, encoding: 'buffer' })
  return (raw as unknown as readonly (Omit<Dirent, 'name'> & { readonly name: Buffer })[]).map(
    (entry) => {
      const name = entry.name.toString('utf8')
      const type = typeOf(entry)
      return Buffer.from(name).equals(entry.name)
        ? { name, type }
        : { name, type, nameBytes: entry.name }
    },
  )
}

function typeOf(entry: Pick<Dirent, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): FileType {
  if (entry.isFile()) return 'file'
  if (entry.isDirectory()) return 'directory'
  return entry.isSymbolicLink() ? 'symlink' : 'other'
}

function statsOf(stats: Stats): FileStats {
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
