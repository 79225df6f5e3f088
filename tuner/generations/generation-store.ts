import path from 'node:path'
import { isLongwaveError } from '../../protocol/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  isErrno,
  removeTemporaryFiles,
  removeTree,
  replaceSymlink,
} from '../../store/durable-files/index.ts'
import { tunerError } from '../errors.ts'
import { type Generation, loadGeneration, type ParsedManifest } from './generation.ts'

/** A folder of `generations/`: a release's number, or number and try when it was built again. */
const generationName = /^([1-9]\d*)(?:~([1-9]\d*))?$/
/** The tree of a generation, or the one that an overlay of that number makes of it. */
const currentTarget =
  /^(?:generations\/([1-9]\d*(?:~[1-9]\d*)?)|overlays\/generations\/([1-9]\d*(?:~[1-9]\d*)?)\+([1-9]\d*))\/tree$/

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

  get #generations(): string {
    return path.join(this.directory, 'generations')
  }

  /**
   * Brings the folder into order after a crash: half-built and half-removed generations go, and so
   * do temporary files. What was fetched and verified stays for the next update.
   */
  async recover(): Promise<void> {
    await ensureDirectory(this.#fs, this.#generations, { mode: 0o755 })
    await ensureDirectory(this.#fs, this.stagingDirectory, { mode: 0o700 })
    for (const entry of await this.#fs.readdir(this.stagingDirectory)) {
      if (/^(building|removed)-/.test(entry.name)) {
        await removeTree(this.#fs, path.join(this.stagingDirectory, entry.name))
      }
    }
    await removeTemporaryFiles(this.#fs, this.directory)
  }

  /** Removes what broken updates left in staging: nothing is wanted of it any more. */
  async clearStaging(): Promise<void> {
    for (const entry of await this.#entries(this.stagingDirectory)) {
      await removeTree(this.#fs, path.join(this.stagingDirectory, entry))
    }
  }

  /** The folder in `generations/` that `current` names. @throws LW_TUNER_STATE_DAMAGED */
  async #currentName(): Promise<string | undefined> {
    const match = await this.#currentMatch()
    return match?.[1] ?? match?.[2]
  }

  /** The number of the overlay that `current` shows. @throws LW_TUNER_STATE_DAMAGED */
  async currentOverlay(): Promise<number | undefined> {
    const serial = (await this.#currentMatch())?.[3]
    return serial === undefined ? undefined : Number(serial)
  }

  async #currentMatch(): Promise<RegExpExecArray | undefined> {
    let target: string
    try {
      target = await this.#fs.readlink(this.currentLink)
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined
      if (isErrno(error, 'EINVAL')) throw damagedLink('is no link')
      throw error
    }
    const match = currentTarget.exec(target)
    if (match === null) throw damagedLink('names no generation')
    return match
  }

  /** The release that `current` names; undefined before the first switch. */
  async currentRelease(): Promise<number | undefined> {
    const name = await this.#currentName()
    return name === undefined ? undefined : releaseOfName(name)
  }

  /** @throws LW_TUNER_STATE_DAMAGED also when the link leads nowhere */
  async current(): Promise<Generation | undefined> {
    const name = await this.#currentName()
    if (name === undefined) return undefined
    const generation = await loadGeneration(this.#fs, path.join(this.#generations, name))
    if (generation !== undefined) return generation
    throw tunerError('LW_TUNER_STATE_DAMAGED', {
      detail: `Release ${releaseOfName(name)} is current, but it is not there.`,
      next: 'longwave update  # fetches it again',
    })
  }

  /** The current generation, or undefined when what is current cannot be used as a base. */
  usableCurrent(): Promise<Generation | undefined> {
    return undefinedWhenDamaged(this.current())
  }

  /** A release as it lies here, or undefined when its records cannot be read. */
  usable(release: number): Promise<Generation | undefined> {
    return undefinedWhenDamaged(this.load(release))
  }

  /** The releases that lie here, newest first. */
  async releases(): Promise<number[]> {
    const releases = new Set((await this.#names()).map(releaseOfName))
    return [...releases].sort((a, b) => b - a)
  }

  async #names(): Promise<readonly string[]> {
    return (await this.#entries(this.#generations)).filter((name) => generationName.test(name))
  }

  async #entries(directory: string): Promise<readonly string[]> {
    try {
      return (await this.#fs.readdir(directory)).map((entry) => entry.name)
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return []
      throw error
    }
  }

  /** A release as it lies here; of several tries the last one. @throws LW_TUNER_STATE_DAMAGED */
  async load(release: number, parsed?: ParsedManifest): Promise<Generation | undefined> {
    const last = (await this.#namesOf(release)).at(-1)
    return last === undefined
      ? undefined
      : loadGeneration(this.#fs, path.join(this.#generations, last), parsed)
  }

  async #namesOf(release: number): Promise<readonly string[]> {
    const names = (await this.#names()).filter((name) => releaseOfName(name) === release)
    return names.sort((a, b) => tryOfName(a) - tryOfName(b))
  }

  /** The folder for a release that is about to be complete: never one that is there already. */
  async nameFor(release: number): Promise<string> {
    const last = (await this.#namesOf(release)).at(-1)
    return last === undefined ? String(release) : `${release}~${tryOfName(last) + 1}`
  }

  /**
   * Makes a complete generation the current one, or the tree that an overlay makes of it: one
   * atomic, durable switch of a link.
   */
  async switchTo(name: string, overlay?: number): Promise<void> {
    if (!generationName.test(name)) throw new TypeError('not a generation')
    const link = this.currentLink
    const type = await this.#fs.lstat(link).then(
      (stats) => stats.type,
      () => undefined,
    )
    // A rename replaces links and files, but no folder that somebody put there.
    if (type === 'directory') await this.#setAside(link, `removed-current`)
    const folder = overlay === undefined ? name : `${name}+${overlay}`
    const target = `generations/${folder}/tree`
    await replaceSymlink(this.#fs, link, overlay === undefined ? target : `overlays/${target}`)
  }

  /** Removes generations beyond `kept` newest ones; never the current one nor one in use. */
  async prune(options: {
    readonly kept: number
    readonly inUse?: ReadonlySet<number>
  }): Promise<void> {
    const current = await this.#currentName()
    const kept = new Set<number>()
    if (current !== undefined) kept.add(releaseOfName(current))
    const newestFirst = [...(await this.#names())].sort(
      (a, b) => releaseOfName(b) - releaseOfName(a) || tryOfName(b) - tryOfName(a),
    )
    for (const name of newestFirst) {
      const release = releaseOfName(name)
      if (name === current || options.inUse?.has(release) === true) continue
      // An earlier try of a release that is kept already is of no use.
      if (!kept.has(release) && kept.size < Math.max(1, options.kept)) kept.add(release)
      else await this.#remove(name)
    }
  }

  /** Removes one generation; a crash leaves it whole or gone after the next recovery. */
  async #remove(name: string): Promise<void> {
    await this.#setAside(path.join(this.#generations, name), `removed-${name}`)
  }

  async #setAside(directory: string, as: string): Promise<void> {
    const away = path.join(this.stagingDirectory, as)
    await ensureDirectory(this.#fs, this.stagingDirectory, { mode: 0o700 })
    await removeTree(this.#fs, away)
    await this.#fs.rename(directory, away)
    await this.#fs.syncDirectory(path.dirname(directory))
    await removeTree(this.#fs, away)
  }
}

async function undefinedWhenDamaged(
  loading: Promise<Generation | undefined>,
): Promise<Generation | undefined> {
  try {
    return await loading
  } catch (error) {
    if (isLongwaveError(error, 'LW_TUNER_STATE_DAMAGED')) return undefined
    throw error
  }
}

function damagedLink(what: string): Error {
  return tunerError('LW_TUNER_STATE_DAMAGED', {
    detail: `The entry "current" ${what}.`,
    next: 'longwave update  # puts it right',
  })
}

function releaseOfName(name: string): number {
  return Number(generationName.exec(name)?.[1])
}

function tryOfName(name: string): number {
  return Number(generationName.exec(name)?.[2] ?? 0)
}
