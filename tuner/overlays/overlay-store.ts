import path from 'node:path'
import { StagingArea } from '../../mirroring/index.ts'
import {
  type Digest,
  digestOf,
  encodeManifest,
  limits as formatLimits,
  type OverlayStatement,
  parseOverlayStatement,
} from '../../protocol/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  isErrno,
  readFileIfPresent,
  removeTree,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import { isSignatureOf, publicKeyFromSpki } from '../../trust/index.ts'
import {
  buildGeneration,
  type Damage,
  type Generation,
  loadGeneration,
  verifyGeneration,
} from '../generations/index.ts'
import { mergeManifest } from './merge-manifest.ts'

/** A tree of an overlay: the generation that it lies over, and its number. */
const overlayName = /^(\d+(?:~\d+)?)\+(\d+)$/

const statementBytesMax = 2 * formatLimits.overlayStatementBytesMax

/** What is wrong when an overlay as a whole cannot be believed. */
const lost: Damage = { path: 'overlay', what: 'altered' }

/** An overlay's statement as it was sent. */
export interface SignedStatement {
  readonly statement: string
  readonly signature: string
}

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

  /** The signed statement of an overlay that was laid; undefined when it is not there any more. */
  async statement(generation: string, serial: number): Promise<SignedStatement | undefined> {
    const file = this.#statementFile(generation, serial)
    const bytes = await readFileIfPresent(this.#fs, file, { bytesMax: statementBytesMax })
    return bytes === undefined ? undefined : (JSON.parse(bytes.toString('utf8')) as SignedStatement)
  }

  #statementFile(generation: string, serial: number): string {
    return path.join(this.#directory, 'statements', `${generation}+${serial}.json`)
  }

  /**
   * What is not as it was signed: the statement, the list of files that it makes of the release, or
   * a file in the tree.
   */
  async verify(
    base: Generation,
    serial: number,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<readonly Damage[]> {
    const signed = await this.statement(base.name, serial)
    const tree = await this.load(base.name, serial).catch(() => undefined)
    const key = base.manifest.plugin?.key
    if (signed === undefined || tree === undefined || key === undefined) return [lost]
    const isSigned = isSignatureOf(
      publicKeyFromSpki(key),
      Buffer.from(signed.statement),
      Buffer.from(signed.signature, 'base64'),
    )
    if (!isSigned) return [lost]
    const statement = parseOverlayStatement(signed.statement)
    const merged = encodeManifest(mergeManifest(base.manifest, statement.files))
    if (digestOf(merged) !== tree.record.manifest) return [lost]
    return verifyGeneration(this.#fs, tree, options)
  }

  /** Whether every file of an overlay's tree looks as it was made, without reading any. */
  async isVouchedFor(base: Generation, serial: number): Promise<boolean> {
    const tree = await this.load(base.name, serial).catch(() => undefined)
    if (tree === undefined) return false
    for (const index of tree.files.keys()) if (!(await tree.isVouchedFor(index))) return false
    return true
  }

  /**
   * Builds the tree of an overlay again, from the release and from its own files as far as they are
   * sound. It must not be shown meanwhile.
   * @returns false when files of it must be fetched again
   */
  async rebuild(base: Generation, serial: number, nowMs: number): Promise<boolean> {
    const signed = await this.statement(base.name, serial)
    if (signed === undefined) return false
    const statement = parseOverlayStatement(signed.statement)
    const folder = path.join(this.#generations, `${base.name}+${serial}`, 'tree')
    const staging = this.staging()
    await staging.open()
    for (const { path: name, sha256 } of statement.files) {
      const digest = sha256 as Digest
      if (base.find(digest) !== undefined || staging.has(digest)) continue
      const file = path.join(folder, ...name.split('/'))
      const bytes = await this.#fs.readFile(file).catch(() => undefined)
      if (bytes === undefined || digestOf(bytes) !== digest) return false
      await staging.adoptBytes(digest, bytes)
    }
    await this.build({ base, signed, statement, staging, nowMs })
    return true
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
    readonly signed: SignedStatement
    readonly statement: OverlayStatement
    readonly staging: StagingArea
    readonly nowMs: number
  }): Promise<void> {
    const { base, statement, staging, signed } = options
    const name = `${base.name}+${statement.serial}`
    const file = this.#statementFile(base.name, statement.serial)
    await ensureDirectory(this.#fs, path.dirname(file), { mode: 0o755 })
    await writeFileDurably(this.#fs, file, JSON.stringify(signed), { mode: 0o644 })
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
      await removeTree(this.#fs, path.join(this.#directory, 'statements', `${name}.json`))
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
