import { type FileStats, type FileSystem, isErrno } from '../../store/durable-files/index.ts'
import { tunerError } from '../errors.ts'

/** What lies at a path, links not followed; undefined when nothing does. */
export async function statsIfPresent(fs: FileSystem, file: string): Promise<FileStats | undefined> {
  try {
    return await fs.lstat(file)
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}

export function isSameInode(one: FileStats, other: FileStats | undefined): boolean {
  return other !== undefined && one.inode === other.inode && one.device === other.device
}

/** What a system's error means when it is the synchronized folder itself that is not found. */
export function folderGone(cause: unknown, directory: string): unknown {
  if (!isErrno(cause, 'ENOENT', 'ENOTDIR', 'ELOOP')) return cause
  return tunerError('LW_TUNER_FOLDER_GONE', {
    detail: `${directory} is no folder, or not the one that was synchronized.`,
    untouched: 'Nothing was changed.',
    next: 'Bring the folder back (mount its disk), or unsubscribe from it.',
    cause,
  })
}
