import { isErrno } from '../errors.ts'
import type { FileSystem } from './file-system.ts'

/** What was learnt of a file system, so that what it refuses is tried only once. */
export interface CloneMemory {
  clone: boolean
  link: boolean
}

export function createCloneMemory(): CloneMemory {
  return { clone: true, link: true }
}

const cannotClone = ['ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'EINVAL', 'ENOSYS', 'ENOTTY', 'EPERM']
const cannotLink = ['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

/**
 * Gives a file a second name without a second copy of its bytes where possible: shared blocks,
 * else a hard link, else a copy. A hard link shares the inode with its mode: link only files that
 * nobody writes to. `to` must not exist; bytes of a copy are not durable yet.
 */
export async function linkOrClone(
  fs: FileSystem,
  from: string,
  to: string,
  memory: CloneMemory = createCloneMemory(),
): Promise<'clone' | 'link' | 'copy'> {
  if (memory.clone) {
    try {
      await fs.copyFile(from, to, { clone: 'force' })
      return 'clone'
    } catch (error) {
      if (!isErrno(error, ...cannotClone)) throw error
      memory.clone = false
    }
  }
  if (memory.link) {
    try {
      await fs.link(from, to)
      return 'link'
    } catch (error) {
      if (!isErrno(error, ...cannotLink)) throw error
      // One inode may have too many names while the others still take one.
      if (!isErrno(error, 'EMLINK')) memory.link = false
    }
  }
  await fs.copyFile(from, to, { clone: 'try' })
  return 'copy'
}
