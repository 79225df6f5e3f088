import path from 'node:path'
import ignore from 'ignore'
import { StagingArea } from '../../mirroring/index.ts'
import { isLongwaveError } from '../../protocol/index.ts'
import { isErrno } from '../../store/durable-files/index.ts'
import { tunerError } from '../errors.ts'
import {
  type DiskImage,
  folderLimits,
  FolderState,
  FolderTransaction,
  type HeldManifest,
  memoryOf,
  type PendingChange,
  scanFolder,
} from '../folders/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import type { UpdateContext } from './update-channel.ts'

export interface FolderOptions {
  readonly subscription: Subscription
  /** Where the tuner keeps the folder's state. */
  readonly stateDirectory: string
}

/** The rooms of one synchronized folder, opened for one run. */
export class FolderRun {
  readonly context: UpdateContext
  readonly directory: string
  readonly subscription: Subscription
  readonly state: FolderState
  readonly transaction: FolderTransaction
  readonly isProtected: (entry: string) => boolean

  constructor(context: UpdateContext, options: FolderOptions) {
    const { into } = options.subscription
    if (into === undefined) throw new TypeError('not a synchronized folder')
    const { fs } = context
    this.context = context
    this.subscription = options.subscription
    this.directory = into.directory
    this.state = new FolderState({ fs, directory: options.stateDirectory })
    this.transaction = new FolderTransaction({
      fs,
      directory: into.directory,
      journalFile: this.state.journalFile,
    })
    const rules = ignore().add([...into.protect])
    this.isProtected = (entry) => entry !== '' && into.protect.length > 0 && rules.ignores(entry)
  }

  /**
   * What lies in the folder now.
   * @param how `full` reads every file, whatever its times say
   * @throws LW_TUNER_FOLDER_GONE
   */
  async scan(how: 'quick' | 'full' = 'quick'): Promise<DiskImage> {
    const memory = how === 'full' ? undefined : await this.state.scanMemory()
    const { fs, clock, signal } = this.context
    const startedMs = clock.now()
    let disk: DiskImage
    try {
      disk = await scanFolder({
        fs,
        directory: this.directory,
        ...(memory === undefined ? {} : { memory }),
        ...(signal === undefined ? {} : { signal }),
      })
    } catch (cause) {
      if (!isErrno(cause, 'ENOENT', 'ENOTDIR')) throw cause
      throw tunerError('LW_TUNER_FOLDER_GONE', {
        detail: `${this.directory} is not there.`,
        untouched: 'Nothing was changed.',
        next: 'Bring the folder back (mount its disk), or unsubscribe from it.',
        cause,
      })
    }
    await this.state.keepScan(memoryOf(disk, startedMs))
    return disk
  }

  /** Opens `.longwave-updating` and its staging for the length of some work. */
  async withStaging<T>(work: (staging: StagingArea, at: string) => Promise<T>): Promise<T> {
    const opened = await this.transaction.openWork()
    try {
      const staging = new StagingArea({
        directory: path.join(opened.at, 'staging'),
        fileSystem: this.context.fs,
      })
      await staging.open()
      return await work(staging, opened.at)
    } catch (error) {
      // After a failed write or fsync nobody knows what of staging is durable: it is given up.
      const isOfDisk = isErrno(error) && !isLongwaveError(error)
      if (isOfDisk && !(await this.#isBegun())) {
        await this.transaction.discardWork().catch(() => undefined)
      }
      throw error
    } finally {
      await opened.close()
    }
  }

  async #isBegun(): Promise<boolean> {
    // When the journal cannot even be looked at, what was prepared must stay.
    return this.transaction.pending().then(
      (pending) => pending !== undefined,
      () => true,
    )
  }

  /** Takes a prepared change to its end; the same in recovery. */
  async complete({ journal, isRolled }: PendingChange): Promise<void> {
    if (!isRolled) {
      await this.transaction.roll(journal)
      await this.transaction.markRolled()
    }
    await this.state.setHeld(journal.to)
    if (journal.undoes !== null) await this.state.removeUndo(journal.undoes)
    const undo = journal.undo === null ? undefined : this.state.undoDirectory(journal.undo)
    await this.transaction.finish(journal, undo)
    await this.state.prune(folderLimits.undoKept)
  }

  async nextUndoName(): Promise<string> {
    const last = (await this.state.undoNames()).at(-1)
    return String(Number(last ?? 0) + 1)
  }
}

/** Finishes a change that a crash interrupted, or clears what was not begun (every command first). */
export async function recoverFolder(
  context: UpdateContext,
  options: FolderOptions,
): Promise<boolean> {
  const run = new FolderRun(context, options)
  const pending = await run.transaction.pending()
  await run.state.removeTemporaryFiles()
  if (pending !== undefined) {
    await run.complete(pending)
    return true
  }
  try {
    await run.transaction.discardUnprepared()
  } catch (error) {
    // Nothing was begun there, so nothing is lost with the folder.
    if (!isLongwaveError(error, 'LW_TUNER_FOLDER_GONE')) throw error
  }
  return false
}

/** The release that a folder holds. @throws LW_TUNER_STATE_DAMAGED */
export async function heldRelease(
  context: Pick<UpdateContext, 'fs'>,
  stateDirectory: string,
): Promise<HeldManifest | undefined> {
  return new FolderState({ fs: context.fs, directory: stateDirectory }).held()
}
