import path from 'node:path'
import {
  type DirectoryEntry,
  type FileSystem,
  inParallel,
  isErrno,
  isTemporaryName,
  removeIfPresent,
} from '../durable-files/index.ts'
import { limits } from '../limits.ts'
import type { ObjectPaths } from './object-paths.ts'
import type { TidySummary } from './object-store.ts'

export interface TidyRequest {
  readonly fs: FileSystem
  readonly paths: ObjectPaths
  readonly partialsUntouchedSinceMs: number
  isOpen(key: string): boolean
}

/** Removes what a crash left, and makes names durable that it left in doubt. */
export async function tidyStore(request: TidyRequest): Promise<TidySummary> {
  const { fs, paths } = request
  let temporaryFiles = 0
  // What is no file is nothing of ours: it stays, and stops no start.
  for (const { name, type } of await entriesOf(fs, paths.incoming)) {
    if (type !== 'file' || !isTemporaryName(name)) continue
    if (await removeIfPresent(fs, path.join(paths.incoming, name))) temporaryFiles++
  }
  let partials = 0
  for (const { name, type } of await entriesOf(fs, paths.partial)) {
    const file = path.join(paths.partial, name)
    if (type !== 'file' || request.isOpen(name)) continue
    if ((await fs.stat(file)).mtimeMs >= request.partialsUntouchedSinceMs) continue
    if (await removeIfPresent(fs, file)) partials++
  }
  // A name that was given just before the crash counts as present from now on.
  const folders = (await entriesOf(fs, paths.objects)).filter((entry) => entry.type === 'directory')
  await inParallel(folders, limits.fileConcurrency, ({ name }) =>
    fs.syncDirectory(path.join(paths.objects, name)),
  )
  return { temporaryFiles, partials }
}

export async function entriesOf(
  fs: FileSystem,
  folder: string,
): Promise<readonly DirectoryEntry[]> {
  try {
    return await fs.readdir(folder)
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return []
    throw error
  }
}
