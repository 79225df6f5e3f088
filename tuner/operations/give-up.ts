import path from 'node:path'
import { isLongwaveError, updatingName } from '../../protocol/index.ts'
import { type FileSystem, isErrno } from '../../store/durable-files/index.ts'
import type { TunerContext } from '../context.ts'
import { FolderState, FolderTransaction } from '../folders/index.ts'
import type { Subscription } from '../subscriptions/index.ts'

/**
 * Takes a subscription back whose first fetch failed, unless its folder's change was begun. What
 * was fetched stays for the next attempt when there is one that can do better, and something was;
 * on a full disk it would stand in its own way.
 */
export async function giveUp(
  context: TunerContext,
  subscription: Subscription,
  error: unknown,
): Promise<void> {
  const { fs, subscriptions, history } = context
  const { id, into } = subscription
  const directory = subscriptions.directoryOf(id)
  const mayContinue = (!isLongwaveError(error) || error.retryable) && !isOfFullDisk(error)
  if (into !== undefined) {
    const { journalFile } = new FolderState({ fs, directory })
    const transaction = new FolderTransaction({ fs, directory: into.directory, journalFile })
    if ((await transaction.pending()) !== undefined) return
    const staging = path.join(into.directory, updatingName, 'staging')
    const isOfUse = mayContinue && (await holdsFetched(fs, staging))
    if (!isOfUse) await transaction.discardWork().catch(() => undefined)
  }
  await history.forget(id)
  const isOfUse = mayContinue && (await holdsFetched(fs, path.join(directory, 'staging')))
  await subscriptions.remove(id, isOfUse ? ['data', 'staging'] : ['data'])
}

function isOfFullDisk(error: unknown): boolean {
  return (
    isLongwaveError(error, 'LW_TUNER_DISK_SPACE') || isLongwaveError(error, 'LW_STORE_DISK_FULL')
  )
}

/** Whether a staging area has objects, or parts of them. */
async function holdsFetched(fs: FileSystem, staging: string): Promise<boolean> {
  for (const room of ['objects', 'partial']) {
    try {
      if ((await fs.readdir(path.join(staging, room))).length > 0) return true
    } catch (error) {
      if (!isErrno(error)) throw error
    }
  }
  return false
}
