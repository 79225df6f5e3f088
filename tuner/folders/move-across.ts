import path from 'node:path'
import {
  ensureDirectory,
  type FileSystem,
  isErrno,
  removeTree,
  syncFile,
} from '../../store/durable-files/index.ts'

/**
 * Moves an entry: by rename where possible, onto another file system as a copy that is durable
 * before the source goes. Whatever has the target's name is replaced.
 */
export async function moveAcross(fs: FileSystem, from: string, to: string): Promise<void> {
  await removeTree(fs, to)
  try {
    await fs.rename(from, to)
    return
  } catch (error) {
    if (!isErrno(error, 'EXDEV', 'EACCES')) throw error
  }
  await copyEntry(fs, from, to)
  await fs.syncDirectory(path.dirname(to))
  await removeTree(fs, from)
}

/** Copies what can be kept elsewhere; sockets, pipes and devices cannot. */
async function copyEntry(fs: FileSystem, from: string, to: string): Promise<void> {
  const stats = await fs.lstat(from)
  if (stats.type === 'symlink') await fs.symlink(await fs.readlink(from), to)
  else if (stats.type === 'directory') {
    await ensureDirectory(fs, to, { mode: 0o700 })
    for (const entry of await fs.readdir(from)) {
      await copyEntry(fs, path.join(from, entry.name), path.join(to, entry.name))
    }
    await fs.syncDirectory(to)
    await fs.chmod(to, stats.mode)
    await fs.utimes(to, stats.mtimeMs, stats.mtimeMs)
  } else if (stats.type === 'file') {
    await fs.copyFile(from, to, { clone: 'try' })
    await fs.utimes(to, stats.mtimeMs, stats.mtimeMs)
    await syncFile(fs, to)
    await fs.chmod(to, stats.mode)
  }
}
