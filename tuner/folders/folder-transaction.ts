import path from 'node:path'
import { type Digest, updatingName } from '../../protocol/index.ts'
import {
  createCloneMemory,
  ensureDirectory,
  type FileStats,
  type FileSystem,
  inParallel,
  isErrno,
  linkOrClone,
  readFileIfPresent,
  removeIfPresent,
  removeTree,
  syncFile,
  temporaryName,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import { tunerError } from '../errors.ts'
import { FolderAnchor } from './folder-anchor.ts'
import { encodeJournal, type FolderJournal, parseJournal } from './folder-journal.ts'
import type { TargetItem } from './folder-plan.ts'
import { FolderSteps } from './folder-steps.ts'
import { folderLimits } from './limits.ts'
import { folderGone, statsIfPresent } from './look.ts'
import { moveAcross } from './move-across.ts'

/** Where the bytes of new files lie, on the folder's file system if possible. */
export interface StepContent {
  /** The verified bytes of an object. */
  fileOf(digest: Digest): string
  /** The very file that was at a path before, verified; its bytes and facts are to come back. */
  savedFileOf(path: string): string | undefined
}

/** A change that was begun. */
export interface PendingChange {
  readonly journal: FolderJournal
  readonly isRolled: boolean
}

/**
 * Changes a folder in place so that after a crash at any instruction the next recovery finishes
 * the change: every new file is complete and durable in `.longwave-updating/new` and the journal,
 * in the tuner's own state, lists every step before the first one is taken (redo logging). What lay
 * there before is moved to `.longwave-updating/old` under the step's number and becomes the undo
 * area. Nothing on the way to a changed path is ever followed when it is a link.
 */
export class FolderTransaction {
  readonly #fs: FileSystem
  readonly #directory: string
  readonly #journalFile: string
  readonly #anchor: FolderAnchor
  readonly #steps: FolderSteps

  constructor(options: {
    readonly fs: FileSystem
    /** Real path of the folder. */
    readonly directory: string
    /** Where the journal lies: in the tuner's state, where nobody else writes. */
    readonly journalFile: string
  }) {
    this.#fs = options.fs
    this.#directory = options.directory
    this.#journalFile = options.journalFile
    this.#anchor = new FolderAnchor(options)
    this.#steps = new FolderSteps(options)
  }

  /**
   * Opens `.longwave-updating`, made when missing. The path that stands for it stays this folder,
   * whatever becomes of the name. Close it.
   * @throws LW_TUNER_FOLDER_GONE
   */
  async openWork(): Promise<{ readonly at: string; close(): Promise<void> }> {
    await this.#inRoot(async (root) => {
      await this.#putForeignAside(root)
      await ensureDirectory(this.#fs, path.join(root, updatingName), { mode: 0o700 })
    })
    return this.#anchor.open(updatingName)
  }

  /**
   * What has our name and was made by somebody else is not built upon. A folder keeps its contents
   * under another name: the next update treats it as any local file.
   */
  async #putForeignAside(root: string): Promise<void> {
    const work = path.join(root, updatingName)
    const present = await statsIfPresent(this.#fs, work)
    if (present === undefined || isOurs(present)) return
    if (present.type === 'directory') {
      await this.#fs.rename(work, path.join(root, `${updatingName}-foreign${temporaryName()}`))
    } else await this.#fs.unlink(work)
  }

  async #inRoot<T>(work: (root: string) => Promise<T>): Promise<T> {
    const root = await this.#anchor.open('').catch((error: unknown) => {
      throw folderGone(error, this.#directory)
    })
    try {
      return await work(root.at)
    } finally {
      await root.close()
    }
  }

  /** The name of a journal all of whose steps are taken. */
  get #rolledFile(): string {
    return `${this.#journalFile}.rolled`
  }

  /**
   * The journal of a change that was begun and not finished, and whether all its steps are taken:
   * before-images move away then, so the steps must not be looked at again.
   * @throws LW_TUNER_STATE_DAMAGED
   */
  async pending(): Promise<PendingChange | undefined> {
    const rolled = await this.#load(this.#rolledFile)
    if (rolled !== undefined) return { journal: rolled, isRolled: true }
    const journal = await this.#load(this.#journalFile)
    return journal === undefined ? undefined : { journal, isRolled: false }
  }

  async #load(file: string): Promise<FolderJournal | undefined> {
    const bytes = await readFileIfPresent(this.#fs, file, {
      bytesMax: folderLimits.journalBytesMax,
    })
    if (bytes === undefined) return undefined
    const journal = parseJournal(bytes)
    if (journal.directory === this.#directory) return journal
    throw tunerError('LW_TUNER_STATE_DAMAGED', { detail: 'The journal is of another folder.' })
  }

  /** Notes durably that every step is taken. */
  async markRolled(): Promise<void> {
    await this.#fs.rename(this.#journalFile, this.#rolledFile)
    await this.#fs.syncDirectory(path.dirname(this.#journalFile))
  }

  /** Removes what a run left that broke before its journal was complete; fetched objects stay. */
  async discardUnprepared(): Promise<void> {
    await this.#inRoot(async (root) => {
      await this.#putForeignAside(root)
      await this.#inWorkIfPresent(async (at) => {
        await removeTree(this.#fs, path.join(at, 'new'))
        await removeTree(this.#fs, path.join(at, 'old'))
      })
    })
  }

  #inWorkIfPresent(work: (at: string) => Promise<void>): Promise<void> {
    return this.#inIfPresent(updatingName, work)
  }

  /** Images that are gone with their folder were moved by an earlier try, or by the user. */
  #inOldIfPresent(work: (at: string) => Promise<void>): Promise<void> {
    return this.#inIfPresent(`${updatingName}/old`, work)
  }

  async #inIfPresent(folder: string, work: (at: string) => Promise<void>): Promise<void> {
    let opened: Awaited<ReturnType<FolderAnchor['open']>>
    try {
      opened = await this.#anchor.open(folder)
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return
      throw error
    }
    await work(opened.at).finally(() => opened.close())
  }

  /** Removes `.longwave-updating` with all that was fetched. */
  async discardWork(): Promise<void> {
    await this.#inRoot(async (root) => {
      await this.#putForeignAside(root)
      await this.#inWorkIfPresent(async (at) => {
        for (const { name } of await this.#fs.readdir(at)) {
          await removeTree(this.#fs, path.join(at, name))
        }
        await this.#fs.rmdir(path.join(root, updatingName))
        await this.#fs.syncDirectory(root)
      })
    })
  }

  /**
   * Makes every new file complete and durable, then the journal. Nothing in the folder changes yet.
   * @param work what `openWork` gave
   */
  async prepare(work: string, journal: FolderJournal, content: StepContent): Promise<void> {
    const fs = this.#fs
    const rooms = { fresh: path.join(work, 'new'), old: path.join(work, 'old') }
    for (const room of [rooms.fresh, rooms.old]) {
      await removeTree(fs, room)
      await ensureDirectory(fs, room, { mode: 0o700 })
    }
    const placed = new Set<Digest>()
    await inParallel(
      journal.steps.entries(),
      folderLimits.concurrentFiles,
      async ([number, step]) => {
        if (step.do !== 'place') return
        const target = path.join(rooms.fresh, String(number))
        if (step.item.kind === 'symlink') return fs.symlink(step.item.target, target)
        const saved = content.savedFileOf(step.path)
        if (saved !== undefined && (await this.#takeSaved(saved, target, step.item))) return
        const { sha256 } = step.item
        const isFirst = !placed.has(sha256)
        placed.add(sha256)
        await this.#makeNewFile(target, step.item, { source: content.fileOf(sha256), isFirst })
      },
    )
    await fs.syncDirectory(rooms.fresh)
    await fs.syncDirectory(rooms.old)
    await fs.syncDirectory(work)
    await this.#inRoot((root) => fs.syncDirectory(root))
    await writeFileDurably(fs, this.#journalFile, encodeJournal(journal), { mode: 0o600 })
  }

  /** A file that comes back as it was keeps its inode, and with it its times to the nanosecond. */
  async #takeSaved(
    saved: string,
    target: string,
    item: Extract<TargetItem, { kind: 'file' }>,
  ): Promise<boolean> {
    const stats = await statsIfPresent(this.#fs, saved)
    if (stats?.type !== 'file' || stats.mode !== item.mode || stats.mtimeMs !== item.mtimeMs) {
      return false
    }
    try {
      await this.#fs.link(saved, target)
    } catch (error) {
      if (!isErrno(error)) throw error
      return false
    }
    await syncFile(this.#fs, target)
    return true
  }

  async #makeNewFile(
    target: string,
    item: Extract<TargetItem, { kind: 'file' }>,
    content: { readonly source: string; readonly isFirst: boolean },
  ): Promise<void> {
    const fs = this.#fs
    // People edit files of a synchronized folder in place: each path gets an inode of its own. The
    // first takes the staged one, which keeps its name so that a crash costs no download.
    if (content.isFirst) {
      const memory = createCloneMemory()
      memory.clone = false
      await linkOrClone(fs, content.source, target, memory)
    } else await fs.copyFile(content.source, target, { clone: 'try' })
    await fs.chmod(target, item.mode | 0o200)
    await fs.utimes(target, item.mtimeMs, item.mtimeMs)
    await syncFile(fs, target)
    if ((item.mode & 0o200) === 0) await fs.chmod(target, item.mode)
  }

  /**
   * Takes every step that is not taken yet; the same call finishes a broken run.
   * @throws LW_TUNER_FOLDER_GONE when the prepared files are not to be had any more
   */
  async roll(journal: FolderJournal): Promise<void> {
    const work = await this.#anchor.open(updatingName).catch((error: unknown) => {
      throw folderGone(error, this.#directory)
    })
    try {
      const rooms = { fresh: path.join(work.at, 'new'), old: path.join(work.at, 'old') }
      await this.#steps.takeAll(journal.steps, rooms)
    } finally {
      await work.close()
    }
  }

  /**
   * Moves the before-images to the undo area, then the journal, and removes the traces.
   * Repeatable: what was moved already is not there any more.
   */
  async finish(journal: FolderJournal, undoDirectory: string | undefined): Promise<void> {
    // The journal goes before the rest: without it that is only litter for the next recovery.
    if (undoDirectory !== undefined) await this.#keepImages(undoDirectory)
    // Still there without an undo area, or when a power cut split the last rename.
    await removeIfPresent(this.#fs, this.#rolledFile)
    await this.#fs.syncDirectory(path.dirname(this.#journalFile))
    await this.discardWork()
    // Removing the traces touched the folder once more.
    const last = journal.steps.at(-1)
    if (last?.do === 'times' && last.path === '') await this.#steps.setTimes(last)
  }

  /** The journal makes the area one that can be undone, and moves there last, at no cost. */
  async #keepImages(undoDirectory: string): Promise<void> {
    const fs = this.#fs
    await ensureDirectory(fs, undoDirectory, { mode: 0o700 })
    await this.#inOldIfPresent(async (old) => {
      for (const entry of await fs.readdir(old)) {
        if (entry.name.endsWith('.none')) continue
        await moveAcross(fs, path.join(old, entry.name), path.join(undoDirectory, entry.name))
      }
    })
    await fs.syncDirectory(undoDirectory)
    await fs.rename(this.#rolledFile, path.join(undoDirectory, 'journal'))
    await fs.syncDirectory(undoDirectory)
  }
}

/** Whether a folder was made by this user. */
function isOurs(stats: FileStats): boolean {
  const uid = process.getuid?.()
  return (
    stats.type === 'directory' &&
    // What root made was not made to deceive us.
    (uid === undefined || stats.uid === uid || stats.uid === 0)
  )
}
