import path from 'node:path'
import { isErrno } from '../errors.ts'
import { limits } from '../limits.ts'
import { inParallel } from './in-parallel.ts'
import type { DirectoryEntry, FileSystem } from './file-system.ts'
import { isTemporaryName } from './randomness.ts'

/**
 * Makes a folder and those above it, durably, and sets the mode of the last one whatever the umask
 * is (S42). A folder that exists keeps its contents; its mode is set when one is given.
 */
export async function ensureDirectory(
  fs: FileSystem,
  directory: string,
  options: { readonly mode?: number } = {},
): Promise<void> {
  const isNew = await makeDirectory(fs, directory, options.mode)
  if (options.mode === undefined) return
  if (isNew || (await fs.stat(directory)).mode !== options.mode) {
    await fs.chmod(directory, options.mode)
  }
}

async function makeDirectory(fs: FileSystem, directory: string, mode?: number): Promise<boolean> {
  const parent = path.dirname(directory)
  try {
    await fs.mkdir(directory, mode === undefined ? {} : { mode })
  } catch (error) {
    if (isErrno(error, 'EEXIST')) {
      if ((await fs.stat(directory)).type === 'directory') return false
      throw error
    }
    if (!isErrno(error, 'ENOENT') || parent === directory) throw error
    await makeDirectory(fs, parent)
    return makeDirectory(fs, directory, mode)
  }
  await fs.syncDirectory(parent)
  return true
}

/**
 * Removes a file, a link or a whole tree; what is not there is no error. Links are removed, never
 * followed. Folders that lack write permission get it first.
 */
export async function removeTree(fs: FileSystem, root: string): Promise<void> {
  let type: string
  try {
    type = (await fs.lstat(root)).type
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return
    throw error
  }
  if (type === 'directory') await removeDirectory(fs, root)
  else await ignoringAbsence(fs.unlink(root))
}

async function removeDirectory(fs: FileSystem, directory: string): Promise<void> {
  let entries: readonly DirectoryEntry[]
  try {
    entries = await fs.readdir(directory)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return
    if (!isErrno(error, 'EACCES')) throw error
    await fs.chmod(directory, 0o700)
    entries = await fs.readdir(directory)
  }
  try {
    await removeEntries(fs, directory, entries)
  } catch (error) {
    if (!isErrno(error, 'EACCES', 'EPERM')) throw error
    await fs.chmod(directory, 0o700)
    await removeEntries(fs, directory, await fs.readdir(directory))
  }
  await ignoringAbsence(fs.rmdir(directory))
}

async function removeEntries(
  fs: FileSystem,
  directory: string,
  entries: readonly DirectoryEntry[],
): Promise<void> {
  const leaves = entries.filter((entry) => entry.type !== 'directory')
  await inParallel(leaves, limits.fileConcurrency, (entry) =>
    ignoringAbsence(fs.unlink(path.join(directory, entry.name))),
  )
  for (const entry of entries) {
    if (entry.type === 'directory') await removeDirectory(fs, path.join(directory, entry.name))
  }
}

async function ignoringAbsence(work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error
  }
}

/**
 * Removes the temporary files that crashes left directly in a folder; returns how many. Only for
 * the owner of the folder: files under way have such names, too.
 */
export async function removeTemporaryFiles(fs: FileSystem, folder: string): Promise<number> {
  let removed = 0
  for (const { name } of await fs.readdir(folder)) {
    if (!isTemporaryName(name)) continue
    await removeTree(fs, path.join(folder, name))
    removed++
  }
  return removed
}

export interface SyncTreeOptions {
  /** Says no for files whose bytes are durable already, such as hard links; default: all. */
  readonly needsSync?: (file: string) => boolean
}

/**
 * Makes a tree durable: the files of each folder, then the folder, bottom-up, so that a folder is
 * never durable before what it names. Links are part of their folder. The name of `root` itself
 * is the caller's to sync. After a failure the tree must be given up.
 */
export async function syncTree(
  fs: FileSystem,
  root: string,
  options: SyncTreeOptions = {},
): Promise<void> {
  const entries = await fs.readdir(root)
  for (const entry of entries) {
    if (entry.type === 'directory') await syncTree(fs, path.join(root, entry.name), options)
  }
  const files = entries
    .filter((entry) => entry.type === 'file')
    .map((entry) => path.join(root, entry.name))
    .filter((file) => options.needsSync?.(file) ?? true)
  await inParallel(files, limits.fileConcurrency, (file) => syncFile(fs, file))
  await fs.syncDirectory(root)
}

/** Makes the bytes of a file that is not open durable. */
export async function syncFile(fs: FileSystem, file: string): Promise<void> {
  // Windows flushes only handles that may write.
  const handle = await fs.open(file, process.platform === 'win32' ? 'r+' : 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
