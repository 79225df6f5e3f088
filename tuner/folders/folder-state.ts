import path from 'node:path'
import {
  canonicalJson,
  type Digest,
  digestOf,
  isDigest,
  type Json,
  type Manifest,
  parseCanonicalJson,
  parseManifest,
} from '../../protocol/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  isErrno,
  readFileIfPresent,
  removeIfPresent,
  removeTemporaryFiles,
  removeTree,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import { tunerError } from '../errors.ts'
import { readStateFile } from '../state-file.ts'
import { type FolderJournal, type HeldRelease, parseJournal } from './folder-journal.ts'
import { hashFile } from '../generations/index.ts'
import type { BeforeImage, TargetItem } from './folder-plan.ts'
import type { DiskItem, ScanMemory } from './folder-scan.ts'
import { folderLimits } from './limits.ts'

/** A release that a folder holds, with its manifest. */
export interface HeldManifest {
  readonly held: HeldRelease
  readonly manifest: Manifest
  readonly manifestBytes: Uint8Array
}

/** A before-image in an undo area. */
export type SavedImage =
  | (Extract<BeforeImage, { kind: 'file' }> & { readonly file: string })
  | Extract<BeforeImage, { kind: 'symlink' | 'directory' }>

/** What a tuner keeps of a synchronized folder, outside of it. */
export class FolderState {
  readonly #fs: FileSystem
  readonly directory: string

  constructor(options: { readonly fs: FileSystem; readonly directory: string }) {
    this.#fs = options.fs
    this.directory = options.directory
  }

  /** Which release the folder holds since the last change. @throws LW_TUNER_STATE_DAMAGED */
  async heldRecord(): Promise<HeldRelease | undefined> {
    const bytes = await readStateFile(this.#fs, path.join(this.directory, 'held.json'), {
      bytesMax: folderLimits.journalBytesMax,
      next: whenDamaged,
    })
    return bytes === undefined ? undefined : (parseHeld(bytes) ?? undefined)
  }

  /** The same with its manifest. @throws LW_TUNER_STATE_DAMAGED */
  async held(): Promise<HeldManifest | undefined> {
    const record = await this.heldRecord()
    return record === undefined ? undefined : this.load(record)
  }

  /** @throws LW_TUNER_STATE_DAMAGED */
  async load(held: HeldRelease): Promise<HeldManifest> {
    const manifestBytes = await readFileIfPresent(this.#fs, this.#manifestFile(held.manifest), {
      bytesMax: folderLimits.journalBytesMax,
    })
    if (manifestBytes === undefined || digestOf(manifestBytes) !== held.manifest) {
      throw damaged('The manifest of a folder is gone or was altered.')
    }
    return { held, manifest: parseManifest(manifestBytes), manifestBytes }
  }

  #manifestFile(digest: Digest): string {
    return path.join(this.directory, 'manifests', `${digest}.json`)
  }

  async keepManifest(digest: Digest, bytes: Uint8Array): Promise<void> {
    await ensureDirectory(this.#fs, path.join(this.directory, 'manifests'), { mode: 0o700 })
    await writeFileDurably(this.#fs, this.#manifestFile(digest), bytes, { mode: 0o600 })
  }

  async setHeld(held: HeldRelease | null): Promise<void> {
    await writeFileDurably(
      this.#fs,
      path.join(this.directory, 'held.json'),
      canonicalJson(held as unknown as Json),
      { mode: 0o600 },
    )
  }

  /** What the last scan knew; damaged memory is no memory. */
  async scanMemory(): Promise<ScanMemory | undefined> {
    try {
      const bytes = await readFileIfPresent(this.#fs, path.join(this.directory, 'scan.json'), {
        bytesMax: folderLimits.journalBytesMax,
      })
      if (bytes === undefined) return undefined
      const value = JSON.parse(bytes.toString('utf8')) as {
        takenMs: number
        files: [string, Extract<DiskItem, { kind: 'file' }>][]
      }
      return { takenMs: value.takenMs, files: new Map(value.files) }
    } catch {
      return undefined
    }
  }

  async keepScan(memory: ScanMemory): Promise<void> {
    const body = JSON.stringify({ takenMs: memory.takenMs, files: [...memory.files] })
    await writeFileDurably(this.#fs, path.join(this.directory, 'scan.json'), body, { mode: 0o600 })
  }

  /** The journal of the change under way: here and not in the folder, where others may write. */
  get journalFile(): string {
    return path.join(this.directory, 'journal')
  }

  undoDirectory(name: string): string {
    return path.join(this.directory, 'undo', name)
  }

  /** Undo areas, oldest first. */
  async undoNames(): Promise<readonly string[]> {
    try {
      const entries = await this.#fs.readdir(path.join(this.directory, 'undo'))
      return entries
        .map((entry) => entry.name)
        .filter((name) => /^\d+$/.test(name))
        .sort((a, b) => Number(a) - Number(b))
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return []
      throw error
    }
  }

  async undoJournal(name: string): Promise<FolderJournal | undefined> {
    const file = path.join(this.undoDirectory(name), 'journal')
    const bytes = await readFileIfPresent(this.#fs, file, {
      bytesMax: folderLimits.journalBytesMax,
    })
    return bytes === undefined ? undefined : parseJournal(bytes)
  }

  /** The newest undo area that is complete. @throws LW_TUNER_STATE_DAMAGED */
  async lastUndo(): Promise<
    { readonly name: string; readonly journal: FolderJournal } | undefined
  > {
    for (const name of [...(await this.undoNames())].reverse()) {
      const journal = await this.undoJournal(name)
      if (journal !== undefined) return { name, journal }
    }
    return undefined
  }

  /** The journal goes first: an area without one is no undo area any more, only litter. */
  async removeUndo(name: string): Promise<void> {
    await removeIfPresent(this.#fs, path.join(this.undoDirectory(name), 'journal'))
    await removeTree(this.#fs, this.undoDirectory(name))
  }

  /** Removes temporary files that crashes left; nobody may be writing here. */
  async removeTemporaryFiles(): Promise<void> {
    const areas = (await this.undoNames()).map((name) => this.undoDirectory(name))
    for (const folder of [this.directory, path.join(this.directory, 'manifests'), ...areas]) {
      try {
        await removeTemporaryFiles(this.#fs, folder)
      } catch (error) {
        if (!isErrno(error, 'ENOENT')) throw error
      }
    }
  }

  /**
   * What the undo area really holds of a step: a file that was edited at the last moment is saved
   * as it was then, not as the journal foresaw it.
   */
  async savedImage(name: string, step: number): Promise<SavedImage | undefined> {
    const file = path.join(this.undoDirectory(name), String(step))
    try {
      const stats = await this.#fs.lstat(file)
      const { mode, mtimeMs, size } = stats
      if (stats.type === 'symlink')
        return { kind: 'symlink', target: await this.#fs.readlink(file) }
      if (stats.type === 'directory') return { kind: 'directory', mode, mtimeMs }
      if (stats.type !== 'file') return undefined
      const sha256 = await hashFile(this.#fs, file)
      return { kind: 'file', sha256, size, mode, mtimeMs, file }
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined
      throw error
    }
  }

  /** Keeps the newest undo areas, and the manifests that they and the folder need. */
  async prune(kept: number): Promise<void> {
    const needed = new Set<string>()
    const held = await this.held()
    if (held !== undefined) needed.add(`${held.held.manifest}.json`)
    let count = 0
    for (const name of [...(await this.undoNames())].reverse()) {
      const journal = count < kept ? await this.undoJournal(name) : undefined
      if (journal === undefined) {
        await this.removeUndo(name)
        continue
      }
      count++
      for (const one of [journal.from, journal.to]) if (one) needed.add(`${one.manifest}.json`)
    }
    const folder = path.join(this.directory, 'manifests')
    for (const entry of await this.#fs.readdir(folder).catch(() => [])) {
      if (!needed.has(entry.name)) await this.#fs.unlink(path.join(folder, entry.name))
    }
  }
}

function parseHeld(bytes: Uint8Array): HeldRelease | null {
  try {
    const value = parseCanonicalJson(bytes, { bytesMax: 64 * 1024 }) as HeldRelease | null
    if (value === null) return null
    if (isDigest(value.manifest) && Number.isSafeInteger(value.release)) return value
  } catch (cause) {
    throw damaged('What a folder holds was altered.', cause)
  }
  throw damaged('What a folder holds has another form.')
}

const whenDamaged = 'Subscribe to the channel into the same folder again, with --adopt.'

function damaged(detail: string, cause?: unknown): Error {
  return tunerError('LW_TUNER_STATE_DAMAGED', {
    detail,
    next: whenDamaged,
    cause,
  })
}

/** What a manifest asks a folder to look like. */
export function targetOf(manifest: Manifest): Map<string, TargetItem> {
  const mtimeMs = Date.parse(manifest.published)
  const target = new Map<string, TargetItem>([['', { kind: 'directory' }]])
  for (const entry of manifest.entries) {
    for (let at = entry.path.indexOf('/'); at !== -1; at = entry.path.indexOf('/', at + 1)) {
      target.set(entry.path.slice(0, at), { kind: 'directory' })
    }
    if (entry.type === 'directory') target.set(entry.path, { kind: 'directory' })
    else if (entry.type === 'symlink') {
      target.set(entry.path, { kind: 'symlink', target: entry.target })
    } else {
      target.set(entry.path, {
        kind: 'file',
        sha256: entry.sha256,
        size: entry.size,
        mode: entry.mode === '0755' ? 0o755 : 0o644,
        mtimeMs,
        exact: false,
      })
    }
  }
  return target
}
