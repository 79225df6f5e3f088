import { type Dirent, constants } from 'node:fs'
import fs from 'node:fs/promises'
import type {
  CopyOptions,
  DirectoryEntry,
  FileHandle,
  FileSystem,
  OpenFlags,
} from './file-system.ts'
import { openNodeFile, statsOf, typeOf } from './node-file-handle.ts'

const isWindows = process.platform === 'win32'

/** Opening a pipe that nobody writes to must not wait for ever; files do not care. */
const readOnly = constants.O_RDONLY | (isWindows ? 0 : constants.O_NONBLOCK)

/** The real file system. */
export const nodeFileSystem: FileSystem = {
  async mkdir(path, options = {}) {
    await fs.mkdir(path, { mode: options.mode ?? 0o777 })
  },
  async open(path: string, flags: OpenFlags, mode = 0o666): Promise<FileHandle> {
    return openNodeFile(path, flags === 'r' ? readOnly : flags, mode)
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
