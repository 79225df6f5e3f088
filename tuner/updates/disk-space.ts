import { isLongwaveError } from '../../protocol/index.ts'
import { type FileSystem, isErrno } from '../../store/durable-files/index.ts'
import { tunerError } from '../errors.ts'
import { updateLimits } from './limits.ts'

/** What an update is about to put on a disk. */
export interface DiskNeed {
  readonly bytes: number
  /** New files. */
  readonly names: number
  /** False when it is the least that is known to be needed. */
  readonly isExact: boolean
}

/**
 * Watches the disk of one update: refuses before anything is downloaded when it cannot hold the
 * update, and says in numbers what was needed when it is full all the same.
 */
export class DiskWatch {
  readonly #fs: FileSystem
  readonly #directory: string
  #largest: DiskNeed | undefined

  constructor(fs: FileSystem, directory: string) {
    this.#fs = fs
    this.#directory = directory
  }

  /** @throws LW_TUNER_DISK_SPACE */
  async require(need: DiskNeed): Promise<void> {
    if (this.#largest === undefined || need.bytes > this.#largest.bytes) this.#largest = need
    const space = await this.#fs.statfs(this.#directory)
    if (space.freeBytes < need.bytes + updateLimits.reserveBytes) {
      throw this.#refusal(need, space.freeBytes)
    }
    if (space.totalNames > 0 && space.freeNames < need.names + updateLimits.reserveNames) {
      throw tunerError('LW_TUNER_DISK_SPACE', {
        detail: `It needs ${need.names} new files, the file system takes ${space.freeNames} more.`,
        untouched: 'The channel is as it was.',
        next: 'Remove files and run the same command again.',
        members: { neededNames: need.names, freeNames: space.freeNames },
      })
    }
  }

  #refusal(need: DiskNeed, freeBytes: number, cause?: unknown): Error {
    const bytes = need.bytes + updateLimits.reserveBytes
    const least = need.isExact ? '' : 'at least '
    return tunerError('LW_TUNER_DISK_SPACE', {
      detail: `It needs ${least}${bytes} bytes, ${freeBytes} are free in ${this.#directory}.`,
      untouched: 'The channel is as it was.',
      next: `Free ${Math.max(1, bytes - freeBytes)} bytes and run the same command again.`,
      members: { neededBytes: bytes, freeBytes },
      cause,
    })
  }

  /** Puts numbers to a full disk; other errors come back as they are. */
  async explain(error: unknown): Promise<unknown> {
    if (!isDiskFull(error)) return error
    const need = this.#largest ?? { bytes: 0, names: 1, isExact: false }
    const space = await this.#fs.statfs(this.#directory).catch(() => undefined)
    return this.#refusal(need, space?.freeBytes ?? 0, error)
  }
}

/** Whether the system said so, directly or as the cause of one of our errors. */
export function isDiskFull(error: unknown): boolean {
  if (isErrno(error, 'ENOSPC', 'EDQUOT')) return true
  return isLongwaveError(error, 'LW_STORE_DISK_FULL')
}
