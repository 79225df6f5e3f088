import path from 'node:path'
import { StagingArea } from '../../mirroring/index.ts'
import {
  type Digest,
  digestOf,
  encodeManifest,
  type OverlayStatement,
} from '../../protocol/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  isErrno,
  removeTree,
} from '../../store/durable-files/index.ts'
import {
  buildGeneration,
  type Generation,
  loadGeneration,
} from '../generations/index.ts'
import { mergeManifest } from './merge-manifest.ts'

/** A tree of an overlay: the generation that it lies over, and its number. */
const overlayName = /^(\d+(?:~\d+)?)\+(\d+)$/

/**
 * Releases as they look under an overlay: complete trees of their own beside the generations, whose
 * unchanged files cost no disk. The generations stay as they are, as bases of differences.
 */
export class OverlayStore {
  readonly #fs: FileSystem
  readonly #directory: string

  /** @param options.directory the subscription's folder */
  constructor(options: { readonly fs: FileSystem; readonly directory: string }) {
    this.#fs = options.fs
    this.#directory = path.join(options.directory, 'overlays')
  }

  get #generations(): string {
    return path.join(this.#directory, 'generations')
  }

  /** The newest overlay over a generation; undefined when there is none. */
  async serialOver(generation: string): Promise<number | undefined> {
    const serials = (await this.#names()).flatMap((name) => {
      const match = overlayName.exec(name)
      return match?.[1] === generation ? [Number(match[2])] : []
    })
    return serials.length === 0 ? undefined : Math.max(...serials)
  }

  /** The tree of an overlay as a generation of its own. @throws LW_TUNER_STATE_DAMAGED */
  load(generation: string, serial: number): Promise<Generation | undefined> {
    return loadGeneration(this.#fs, path.join(this.#generations, `${generation}+${serial}`))
  }

  /** Where the files of an overlay are brought before its tree is built. */
  staging(): StagingArea {
    const directory = path.join(this.#directory, 'staging')
    return new StagingArea({ directory, fileSystem: this.#fs })
  }

  /**
   * Builds the tree of an overlay, durably, beside what is there; nothing shows it yet.
   * @param options.staging holds the files that the generation does not have
   */
  async build(options: {
    readonly base: Generation
    readonly statement: OverlayStatement
    readonly staging: StagingArea
    readonly nowMs: number
  }): Promise<void> {
    const { base, statement, staging } = options
    const name = `${base.name}+${statement.serial}`
    const manifest = mergeManifest(base.manifest, statement.files)
    const manifestBytes = encodeManifest(manifest)
    const held = new Set<Digest>(base.files.map((file) => file.sha256))
    await removeTree(this.#fs, path.join(this.#generations, name))
    await ensureDirectory(this.#fs, this.#directory, { mode: 0o755 })
    await buildGeneration({
      fs: this.#fs,
      channelDirectory: this.#directory,
      name,
      record: {
        ...base.record,
        manifest: digestOf(manifestBytes),
        completed: new Date(options.nowMs).toISOString(),
      },
      manifest,
      manifestBytes,
      staging,
      base,
      baseHas: (digest) => held.has(digest),
    })
    await staging.remove()
  }

  /** Removes all trees but those that are still of use. */
  async prune(isKept: (generation: string, serial: number) => boolean): Promise<void> {
    for (const name of await this.#names()) {
      const match = overlayName.exec(name)
      if (match?.[1] !== undefined && isKept(match[1], Number(match[2]))) continue
      await removeTree(this.#fs, path.join(this.#generations, name))
    }
    await removeTree(this.#fs, path.join(this.#directory, 'staging'))
  }

  async #names(): Promise<readonly string[]> {
    try {
      return (await this.#fs.readdir(this.#generations)).map((entry) => entry.name)
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return []
      throw error
    }
  }
}
