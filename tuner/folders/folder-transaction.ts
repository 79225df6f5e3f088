import path from 'node:path'
import {
  createCloneMemory,
  ensureDirectory,
  type FileSystem,
  inParallel,
  isErrno,
  linkOrClone,
  readFileIfPresent,
  removeTree,
  syncFile,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import type { Digest } from '../../protocol/index.ts'
import { encodeJournal, type FolderJournal, parseJournal } from './folder-journal.ts'
import type { Step, TargetItem } from './folder-plan.ts'
import { updatingName } from './folder-scan.ts'
import { folderLimits } from './limits.ts'

/**
 * Changes a folder in place so that after a crash at any instruction the next recovery finishes
 * the change: every new file is complete and durable in `.longwave-updating/new` and the journal
 * lists every step before the first one is taken (redo logging). What lay there before is moved
 * to `.longwave-updating/old` under the step's number and becomes the undo area.
 */
export class FolderTransaction {
  readonly #fs: FileSystem
  readonly #directory: string

  constructor(options: { readonly fs: FileSystem; readonly directory: string }) {
    this.#fs = options.fs
    this.#directory = options.directory
  }

  get workDirectory(): string {
    return path.join(this.#directory, updatingName)
  }

  get stagingDirectory(): string {
    return path.join(this.workDirectory, 'staging')
  }

  get #journalFile(): string {
    return path.join(this.workDirectory, 'journal')
  }

  #newFile(step: number): string {
    return path.join(this.workDirectory, 'new', String(step))
  }

  #oldFile(step: number): string {
    return path.join(this.workDirectory, 'old', String(step))
  }

  #target(entry: string): string {
    return path.join(this.#directory, ...entry.split('/'))
  }

  /** The journal of a change that was begun and not finished. */
  async pending(): Promise<FolderJournal | undefined> {
    const bytes = await readFileIfPresent(this.#fs, this.#journalFile, {
      bytesMax: folderLimits.journalBytesMax,
    })
    return bytes === undefined ? undefined : parseJournal(bytes)
  }

  /** Removes what a run left that broke before its journal was complete; fetched objects stay. */
  async discardUnprepared(): Promise<void> {
    await removeTree(this.#fs, path.join(this.workDirectory, 'new'))
    await removeTree(this.#fs, path.join(this.workDirectory, 'old'))
  }

  /**
   * Makes every new file complete and durable, then the journal. Nothing in the folder changes yet.
   * @param contentOf a file with the bytes of an object; `take` says that it may be moved.
   */
  async prepare(
    journal: FolderJournal,
    contentOf: (digest: Digest) => Promise<{ readonly file: string; readonly take: boolean }>,
  ): Promise<void> {
    const fs = this.#fs
    await ensureDirectory(fs, this.workDirectory, { mode: 0o700 })
    await this.discardUnprepared()
    await ensureDirectory(fs, path.join(this.workDirectory, 'new'), { mode: 0o700 })
    await ensureDirectory(fs, path.join(this.workDirectory, 'old'), { mode: 0o700 })
    const uses = new Map<Digest, number>()
    for (const step of journal.steps) {
      if (step.do === 'place' && step.item.kind === 'file') {
        uses.set(step.item.sha256, (uses.get(step.item.sha256) ?? 0) + 1)
      }
    }
    await inParallel(
      journal.steps.entries(),
      folderLimits.concurrentFiles,
      async ([number, step]) => {
        if (step.do !== 'place') return
        if (step.item.kind === 'symlink') {
          await fs.symlink(step.item.target, this.#newFile(number))
          return
        }
        const left = (uses.get(step.item.sha256) ?? 1) - 1
        uses.set(step.item.sha256, left)
        const content = await contentOf(step.item.sha256)
        await this.#makeNewFile(number, step.item, content, left === 0)
      },
    )
    await fs.syncDirectory(path.join(this.workDirectory, 'new'))
    await fs.syncDirectory(path.join(this.workDirectory, 'old'))
    await writeFileDurably(fs, this.#journalFile, encodeJournal(journal), { mode: 0o600 })
    await fs.syncDirectory(this.#directory)
  }

  async #makeNewFile(
    number: number,
    item: Extract<TargetItem, { kind: 'file' }>,
    content: { readonly file: string; readonly take: boolean },
    last: boolean,
  ): Promise<void> {
    const target = this.#newFile(number)
    // An inode of its own: people edit files of a synchronized folder in place.
    if (content.take && last) await this.#fs.rename(content.file, target)
    else await this.#fs.copyFile(content.file, target, { clone: 'try' })
    await this.#fs.chmod(target, item.mode | 0o200)
    await this.#fs.utimes(target, item.mtimeMs, item.mtimeMs)
    await syncFile(this.#fs, target)
    if ((item.mode & 0o200) === 0) await this.#fs.chmod(target, item.mode)
  }

  /** Takes every step that is not taken yet; the same call finishes a broken run. */
  async roll(journal: FolderJournal): Promise<void> {
    const touched = new Set<string>()
    for (const [number, step] of journal.steps.entries()) {
      await this.#take(number, step)
      touched.add(path.dirname(this.#target(step.path)))
    }
    for (const folder of touched) await this.#syncIfPresent(folder)
    await this.#fs.syncDirectory(path.join(this.workDirectory, 'old'))
  }

  async #syncIfPresent(folder: string): Promise<void> {
    try {
      await this.#fs.syncDirectory(folder)
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error
    }
  }

  async #take(number: number, step: Step): Promise<void> {
    const target = this.#target(step.path)
    switch (step.do) {
      case 'remove':
        return this.#moveAside(number, target)
      case 'rmdir':
        return this.#removeFolder(number, target)
      case 'mkdir':
        return this.#makeFolder(number, target, step.mode)
      case 'place':
        return this.#place(number, target)
      case 'times':
        await this.#fs.chmod(target, step.mode)
        await this.#fs.utimes(target, step.mtimeMs, step.mtimeMs)
    }
  }

  /** Moves whatever lies at a path to the undo area; a second thing gets a name of its own. */
  async #moveAside(number: number, target: string): Promise<void> {
    for (let late = 0; ; late++) {
      const aside = late === 0 ? this.#oldFile(number) : `${this.#oldFile(number)}.late-${late}`
      if (await this.#exists(aside)) continue
      try {
        await this.#fs.rename(target, aside)
      } catch (error) {
        if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error
      }
      return
    }
  }

  async #exists(file: string): Promise<boolean> {
    try {
      await this.#fs.lstat(file)
      return true
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return false
      throw error
    }
  }

  /** A folder that has got new content meanwhile goes aside as a whole: nothing is lost. */
  async #removeFolder(number: number, target: string): Promise<void> {
    try {
      await this.#fs.rmdir(target)
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return
      if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error
      await this.#moveAside(number, target)
    }
  }

  async #makeFolder(number: number, target: string, mode: number): Promise<void> {
    try {
      await this.#fs.mkdir(target, { mode })
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error
      if ((await this.#fs.lstat(target)).type === 'directory') return
      await this.#moveAside(number, target)
      await this.#fs.mkdir(target, { mode })
    }
  }

  /**
   * The new file goes over the old one by rename, after the old one was given a second name in
   * the undo area: the path never stands empty, and a late local edit is what gets saved.
   */
  async #place(number: number, target: string): Promise<void> {
    const fresh = this.#newFile(number)
    if (!(await this.#exists(fresh))) return
    await this.#saveBefore(number, target)
    await this.#fs.rename(fresh, target)
  }

  async #saveBefore(number: number, target: string): Promise<void> {
    let type: string
    try {
      type = (await this.#fs.lstat(target)).type
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return
      throw error
    }
    const aside = this.#oldFile(number)
    if (type === 'file' && !(await this.#exists(aside))) {
      const memory = createCloneMemory()
      memory.clone = false
      await linkOrClone(this.#fs, target, aside, memory)
    } else if (!(await this.#isSameFile(target, aside))) await this.#moveAside(number, target)
  }

  async #isSameFile(a: string, b: string): Promise<boolean> {
    try {
      const [one, other] = [await this.#fs.lstat(a), await this.#fs.lstat(b)]
      return one.type === 'file' && one.inode === other.inode && one.device === other.device
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return false
      throw error
    }
  }

  /**
   * Moves the before-images to the undo area and removes the traces. Repeatable: what was moved
   * already is not there any more.
   */
  async finish(journal: FolderJournal, undoDirectory: string): Promise<void> {
    const fs = this.#fs
    const old = path.join(this.workDirectory, 'old')
    await ensureDirectory(fs, undoDirectory, { mode: 0o700 })
    await writeFileDurably(fs, path.join(undoDirectory, 'journal'), encodeJournal(journal), {
      mode: 0o600,
    })
    for (const entry of await this.#entriesOf(old)) {
      await this.#moveAcross(path.join(old, entry), path.join(undoDirectory, entry))
    }
    await fs.syncDirectory(undoDirectory)
    // The journal goes first: without it the rest is only litter for the next recovery.
    await fs.unlink(this.#journalFile)
    await fs.syncDirectory(this.workDirectory)
    await removeTree(fs, this.workDirectory)
    await fs.syncDirectory(this.#directory)
  }

  async #entriesOf(directory: string): Promise<readonly string[]> {
    try {
      return (await this.#fs.readdir(directory)).map((entry) => entry.name)
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return []
      throw error
    }
  }

  /** Rename where possible; onto another file system a copy that is durable before the source goes. */
  async #moveAcross(from: string, to: string): Promise<void> {
    const fs = this.#fs
    try {
      await removeTree(fs, to)
      await fs.rename(from, to)
      return
    } catch (error) {
      if (!isErrno(error, 'EXDEV')) throw error
    }
    const stats = await fs.lstat(from)
    if (stats.type === 'directory') {
      await ensureDirectory(fs, to, { mode: 0o700 })
      for (const entry of await this.#entriesOf(from)) {
        await this.#moveAcross(path.join(from, entry), path.join(to, entry))
      }
    } else if (stats.type === 'symlink') await fs.symlink(await fs.readlink(from), to)
    else if (stats.type === 'file') {
      await fs.copyFile(from, to, { clone: 'try' })
      await fs.utimes(to, stats.mtimeMs, stats.mtimeMs)
      await syncFile(fs, to)
      await fs.chmod(to, stats.mode)
    }
    await removeTree(fs, from)
  }
}
