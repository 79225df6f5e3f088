import type { FileSystem } from '../../store/durable-files/index.ts'
import { tunerError } from '../errors.ts'
import { updateLimits } from './limits.ts'

/**
 * Refuses an update before anything is downloaded when the disk cannot hold it.
 * @throws LW_TUNER_DISK_SPACE
 */
export async function requireSpace(
  fs: FileSystem,
  directory: string,
  need: { readonly bytes: number; readonly names: number },
): Promise<void> {
  const space = await fs.statfs(directory)
  const bytes = need.bytes + updateLimits.reserveBytes
  if (space.freeBytes < bytes) {
    throw tunerError('LW_TUNER_DISK_SPACE', {
      detail: `It needs ${bytes} bytes, ${space.freeBytes} are free in ${directory}.`,
      untouched: 'Nothing was downloaded, and the channel is as it was.',
      next: 'Free the room and run the same command again.',
      members: { neededBytes: bytes, freeBytes: space.freeBytes },
    })
  }
  if (space.totalNames > 0 && space.freeNames < need.names) {
    throw tunerError('LW_TUNER_DISK_SPACE', {
      detail: `It needs ${need.names} new files, the file system takes ${space.freeNames}.`,
      untouched: 'Nothing was downloaded, and the channel is as it was.',
      members: { neededNames: need.names, freeNames: space.freeNames },
    })
  }
}
