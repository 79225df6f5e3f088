import path from 'node:path'
import {
  canonicalJson,
  type Digest,
  digestOf,
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
  removeTree,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import { tunerError } from '../errors.ts'
import { type FolderJournal, type HeldRelease, parseJournal } from './folder-journal.ts'
import type { TargetItem } from './folder-plan.ts'
import type { DiskItem, ScanMemory } from './folder-scan.ts'
import { folderLimits } from './limits.ts'

/** A release that a folder holds, with its manifest. */
export interface HeldManifest {
  readonly held: HeldRelease
  readonly manifest: Manifest
  readonly manifestBytes: Uint8Array
}

/** What a tuner keeps of a synchronized folder, outside of it. */
export class FolderState {
  readonly #fs: FileSystem
  readonly directory: string

  constructor(options: { readonly fs: FileSystem; readonly directory: string }) {
    this.#fs = options.fs
    this.directory = options.directory
  }

  async held(): Promise<HeldManifest | undefined> {
    const bytes = await readFileIfPresent(this.#fs, path.join(this.directory, 'held.json'))
    if (bytes === undefined) return undefined
    const value = parseCanonicalJson(bytes, { bytesMax: 64 * 1024 }) as HeldRelease | null
    if (value === null) return undefined
    return this.load(value)
  }

  /** @throws LW_TUNER_STATE_DAMAGED */
  async load(held: HeldRelease): Promise<HeldManifest> {
    const manifestBytes = await readFileIfPresent(this.#fs, this.#manifestFile(held.manifest), {
      bytesMax: folderLimits.journalBytesMax,
    })
    if (manifestBytes === undefined || digestOf(manifestBytes) !== held.manifest) {
      throw tunerError('LW_TUNER_STATE_DAMAGED', { detail: 'The manifest of a folder is gone.' })
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

  async removeUndo(name: string): Promise<void> {
    await removeTree(this.#fs, this.undoDirectory(name))
  }

  /** Keeps the newest undo areas, and the manifests that they and the folder need. */
  async prune(kept: number): Promise<void> {
    const names = await this.undoNames()
    for (const name of names.slice(0, Math.max(0, names.length - kept))) await this.removeUndo(name)
    const needed = new Set<string>()
    const held = await this.held()
    if (held !== undefined) needed.add(`${held.held.manifest}.json`)
    for (const name of await this.undoNames()) {
      const journal = await this.undoJournal(name)
      for (const one of [journal?.from, journal?.to]) if (one) needed.add(`${one.manifest}.json`)
    }
    const folder = path.join(this.directory, 'manifests')
    for (const entry of await this.#fs.readdir(folder).catch(() => [])) {
      if (!needed.has(entry.name)) await this.#fs.unlink(path.join(folder, entry.name))
    }
  }
}

/** What a manifest asks a folder to look like. */
export function targetOf(manifest: Manifest): Map<string, TargetItem> {
  const mtimeMs = Date.parse(manifest.published)
  const target = new Map<string, TargetItem>()
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
