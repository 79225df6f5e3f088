import path from 'node:path'
import {
  ensureDirectory,
  type FileSystem,
  isErrno,
  removeTree,
  replaceSymlink,
} from '../../store/durable-files/index.ts'
import { tunerError } from '../errors.ts'
import { type Generation, loadGeneration } from './generation.ts'

/** The generations of one channel and the link that says which is current. */
export class GenerationStore {
  readonly directory: string
  readonly #fs: FileSystem

  constructor(options: { readonly fs: FileSystem; readonly directory: string }) {
    this.#fs = options.fs
    this.directory = options.directory
  }

  get currentLink(): string {
    return path.join(this.directory, 'current')
  }

  get stagingDirectory(): string {
    return path.join(this.directory, 'staging')
  }

  generationDirectory(release: number): string {
    return path.join(this.directory, 'generations', String(release))
  }

  /**
   * Brings the folder into order after a crash: half-built and half-removed generations go, and so
   * do temporary links. What was fetched and verified stays for the next update.
   */
  async recover(): Promise<void> {
    await ensureDirectory(this.#fs, path.join(this.directory, 'generations'), { mode: 0o755 })
    await ensureDirectory(this.#fs, this.stagingDirectory, { mode: 0o700 })
    for (const entry of await this.#fs.readdir(this.stagingDirectory)) {
      if (/^(building|removed)-/.test(entry.name)) {
        await removeTree(this.#fs, path.join(this.stagingDirectory, entry.name))
      }
    }
    for (const entry of await this.#fs.readdir(this.directory)) {
      if (entry.name.startsWith('.') && entry.type === 'symlink') {
        await this.#fs.unlink(path.join(this.directory, entry.name))
      }
    }
  }

  /** The release that `current` names; undefined before the first switch. */
  async currentRelease(): Promise<number | undefined> {
    let target: string
    try {
      target = await this.#fs.readlink(this.currentLink)
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined
      throw error
    }
    const match = /^generations\/([1-9]\d*)\/tree$/.exec(target)
    if (match === null) {
      throw tunerError('LW_TUNER_STATE_DAMAGED', {
        detail: 'The current link names no generation.',
      })
    }
    return Number(match[1])
  }

  async current(): Promise<Generation | undefined> {
    const release = await this.currentRelease()
    if (release === undefined) return undefined
    const generation = await loadGeneration(this.#fs, this.generationDirectory(release))
    if (generation === undefined) {
      throw tunerError('LW_TUNER_STATE_DAMAGED', { detail: 'The current release is not there.' })
    }
    return generation
  }

  /** The releases that lie here, newest first. */
  async releases(): Promise<number[]> {
    const entries = await this.#fs.readdir(path.join(this.directory, 'generations'))
    return entries
      .map((entry) => (/^[1-9]\d*$/.test(entry.name) ? Number(entry.name) : 0))
      .filter((release) => release > 0)
      .sort((a, b) => b - a)
  }

  load(release: number): Promise<Generation | undefined> {
    return loadGeneration(this.#fs, this.generationDirectory(release))
  }

  /** Makes a complete generation the current one: one atomic, durable switch of a link. */
  async switchTo(release: number): Promise<void> {
    await replaceSymlink(this.#fs, this.currentLink, `generations/${release}/tree`)
  }

  /** Removes generations beyond `kept` newest ones; never the current one nor one in use. */
  async prune(options: {
    readonly kept: number
    readonly inUse?: ReadonlySet<number>
  }): Promise<readonly number[]> {
    const current = await this.currentRelease()
    const removable = (await this.releases()).filter(
      (release) => release !== current && options.inUse?.has(release) !== true,
    )
    const removed = removable.slice(Math.max(0, options.kept - 1))
    for (const release of removed) await this.remove(release)
    return removed
  }

  /** Removes one generation; a crash leaves it whole or gone after the next recovery. */
  async remove(release: number): Promise<void> {
    const away = path.join(this.stagingDirectory, `removed-${release}`)
    await removeTree(this.#fs, away)
    await this.#fs.rename(this.generationDirectory(release), away)
    await this.#fs.syncDirectory(path.join(this.directory, 'generations'))
    await removeTree(this.#fs, away)
  }
}
