import path from 'node:path'
import {
  createCloneMemory,
  type FileSystem,
  inParallel,
  isErrno,
  linkOrClone,
} from '../../store/durable-files/index.ts'
import { FolderAnchor } from './folder-anchor.ts'
import type { Step } from './folder-plan.ts'
import { folderLimits } from './limits.ts'
import { folderGone, isSameInode, statsIfPresent } from './look.ts'

/** The rooms of `.longwave-updating` while a roll is under way. */
export interface Rooms {
  /** New files by step number, complete and durable. */
  readonly fresh: string
  /** What lay there before, by step number: a step with something here was taken. */
  readonly old: string
}

/**
 * Takes the steps of a journal in a folder. Each can be taken again after a crash: what was done is
 * seen, and what was put at a path by a later step is left alone.
 */
export class FolderSteps {
  readonly #fs: FileSystem
  readonly #directory: string
  readonly #anchor: FolderAnchor

  constructor(options: { readonly fs: FileSystem; readonly directory: string }) {
    this.#fs = options.fs
    this.#directory = options.directory
    this.#anchor = new FolderAnchor(options)
  }

  /** @throws LW_TUNER_FOLDER_GONE */
  async takeAll(steps: readonly Step[], rooms: Rooms): Promise<void> {
    for (const phase of phasesOf(steps)) await this.#takePhase(phase, rooms)
    // Before-images are durable before the names that they had are gone for good.
    await this.#fs.syncDirectory(rooms.old)
    await this.#syncTouched(steps)
  }

  /** Steps of one kind; those that cannot be in each other's way run side by side. */
  async #takePhase(phase: Phase, rooms: Rooms): Promise<void> {
    if (phase.do === 'mkdir' || phase.do === 'rmdir' || phase.do === 'times') {
      for (const [number, step] of phase.steps) {
        await this.#inParent(number, step, rooms, (file) => this.#take(number, step, rooms, file))
      }
      return
    }
    await inParallel(
      groupsByParent(phase.steps).values(),
      folderLimits.concurrentFiles,
      async (group) => {
        const [first] = group
        if (first === undefined) return
        await this.#inParent(first[0], first[1], rooms, async (file) => {
          const folder = path.dirname(file)
          for (const [number, step] of group) {
            await this.#take(number, step, rooms, path.join(folder, path.posix.basename(step.path)))
          }
        })
      },
    )
  }

  /**
   * Gives work the path of a step's entry in its real folder. A folder that is missing or was
   * replaced is made again where a file must go in; there is nothing to remove from it otherwise.
   */
  async #inParent(
    number: number,
    step: Step,
    rooms: Rooms,
    work: (file: string) => Promise<void>,
  ): Promise<void> {
    const name = path.posix.basename(step.path)
    const parent = parentOf(step.path)
    for (let attempt = 0; ; attempt++) {
      let folder: Awaited<ReturnType<FolderAnchor['open']>>
      try {
        folder = await this.#anchor.open(parent)
      } catch (error) {
        if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error
        if (step.do === 'remove' || step.do === 'rmdir' || step.do === 'times') return
        if (parent === '' || attempt >= folderLimits.obstacleAttemptsMax)
          throw folderGone(error, this.#directory)
        await this.#makeRealFolders(number, parent, rooms)
        continue
      }
      try {
        return await work(path.join(folder.at, name))
      } finally {
        await folder.close()
      }
    }
  }

  /** Makes every part of a path a real folder again; what is in the way goes aside. */
  async #makeRealFolders(number: number, folder: string, rooms: Rooms): Promise<void> {
    const parts = folder.split('/')
    for (const [index, part] of parts.entries()) {
      await this.#anchor.inFolder(parts.slice(0, index).join('/'), (at) =>
        this.#makeFolder(path.join(at, part), 0o755, `${path.join(rooms.old, String(number))}.way`),
      )
    }
  }

  async #syncTouched(steps: readonly Step[]): Promise<void> {
    const touched = new Set(steps.map((step) => parentOf(step.path)))
    await inParallel(touched, folderLimits.concurrentFiles, async (folder) => {
      try {
        await this.#anchor.inFolder(folder, (at) => this.#fs.syncDirectory(at))
      } catch (error) {
        if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error
      }
    })
  }

  async #take(number: number, step: Step, rooms: Rooms, file: string): Promise<void> {
    const aside = path.join(rooms.old, String(number))
    switch (step.do) {
      case 'remove':
      case 'rmdir':
        return this.#moveAsideOnce(file, aside)
      case 'mkdir':
        return this.#makeFolder(file, step.mode, aside)
      case 'place':
        return this.#place(path.join(rooms.fresh, String(number)), file, aside)
      case 'times':
        return this.setTimes(step)
    }
  }

  /**
   * Moves an entry to the undo area, once: later steps may have put something new at its path. An
   * entry that was gone already leaves a mark, which says the same.
   */
  async #moveAsideOnce(file: string, aside: string): Promise<void> {
    const fs = this.#fs
    const taken = await statsIfPresent(fs, aside)
    if (taken !== undefined) {
      // Both names only when a power cut split the rename.
      const left = await statsIfPresent(fs, file)
      if (left !== undefined && isSameInode(left, taken)) await this.#moveAside(file, aside)
      return
    }
    if ((await statsIfPresent(fs, `${aside}.none`)) !== undefined) return
    try {
      await fs.rename(file, aside)
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) {
        await fs.symlink('none', `${aside}.none`)
        await fs.syncDirectory(path.dirname(aside))
      } else if (isErrno(error, 'EACCES', 'EPERM')) await this.#moveLocked(file, aside, error)
      else throw error
    }
  }

  /** A folder that may not be written to may not be moved either, before it gets that right. */
  async #moveLocked(file: string, aside: string, error: unknown): Promise<void> {
    const fs = this.#fs
    const { type, mode } = await fs.lstat(file)
    if (type !== 'directory') throw error
    const folder = new FolderAnchor({ fs, directory: file })
    await folder.inFolder('', (at) => fs.chmod(at, mode | 0o700))
    await fs.rename(file, aside)
    await fs.chmod(aside, mode)
  }

  /** Moves whatever lies at a path out of the way, beside what the step saved already. */
  async #moveAside(file: string, aside: string): Promise<void> {
    let name = aside
    for (let late = 1; (await statsIfPresent(this.#fs, name)) !== undefined; late++) {
      name = `${aside}.late-${late}`
    }
    try {
      await this.#fs.rename(file, name)
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error
    }
  }

  async #makeFolder(file: string, mode: number, aside: string): Promise<void> {
    const present = await statsIfPresent(this.#fs, file)
    if (present?.type === 'directory') return
    if (present !== undefined) await this.#moveAside(file, aside)
    await this.#fs.mkdir(file, { mode })
  }

  /**
   * The new file goes over the old one by rename, after the old one was given a second name in
   * the undo area: the path never stands empty, and a late local edit is what gets saved.
   */
  async #place(fresh: string, file: string, aside: string): Promise<void> {
    const ready = await statsIfPresent(this.#fs, fresh)
    if (ready === undefined) return
    const present = await statsIfPresent(this.#fs, file)
    // In place already, and the rename was split by a power cut.
    if (present !== undefined && isSameInode(present, ready)) return this.#fs.unlink(fresh)
    const saved = await statsIfPresent(this.#fs, aside)
    if (present?.type === 'file' && saved === undefined) {
      const memory = createCloneMemory()
      memory.clone = false
      await linkOrClone(this.#fs, file, aside, memory)
    } else if (present !== undefined && !isSameInode(present, saved)) {
      await this.#moveAside(file, aside)
    }
    await this.#fs.rename(fresh, file)
  }

  /** Brings a folder's mode and time back. */
  async setTimes(step: Extract<Step, { do: 'times' }>): Promise<void> {
    try {
      await this.#anchor.inFolder(step.path, async (at) => {
        await this.#fs.chmod(at, step.mode)
        await this.#fs.utimes(at, step.mtimeMs, step.mtimeMs)
      })
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error
    }
  }
}

interface Phase {
  readonly do: Step['do']
  readonly steps: (readonly [number, Step])[]
}

/** Runs of steps of the same kind. */
function phasesOf(steps: readonly Step[]): readonly Phase[] {
  const phases: Phase[] = []
  for (const [number, step] of steps.entries()) {
    const phase = phases.at(-1)
    if (phase?.do === step.do) phase.steps.push([number, step])
    else phases.push({ do: step.do, steps: [[number, step]] })
  }
  return phases
}

function groupsByParent(
  steps: readonly (readonly [number, Step])[],
): ReadonlyMap<string, (readonly [number, Step])[]> {
  const groups = new Map<string, (readonly [number, Step])[]>()
  for (const each of steps) {
    const parent = parentOf(each[1].path)
    const group = groups.get(parent)
    if (group === undefined) groups.set(parent, [each])
    else group.push(each)
  }
  return groups
}

function parentOf(entry: string): string {
  const slash = entry.lastIndexOf('/')
  return slash === -1 ? '' : entry.slice(0, slash)
}
