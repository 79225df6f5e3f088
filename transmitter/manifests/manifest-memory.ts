import {
  type Digest,
  type FileEntry,
  filesOf,
  limits as formatLimits,
  type Manifest,
  parseManifestInSlices,
} from '../../protocol/index.ts'
import type { ObjectStore } from '../../store/objects/index.ts'
import { transmitterLimits as limits } from '../limits.ts'

/** A manifest with the views of it that are asked for again and again. */
export class LoadedManifest {
  readonly manifest: Manifest
  #objects: ReadonlyMap<Digest, FileEntry> | undefined
  #files: ReadonlyMap<string, FileEntry> | undefined
  #served: ReadonlyMap<string, FileEntry> | undefined

  constructor(manifest: Manifest) {
    this.manifest = manifest
  }

  /** One file of each object. */
  get objects(): ReadonlyMap<Digest, FileEntry> {
    this.#objects ??= new Map(filesOf(this.manifest).map((file) => [file.sha256, file]))
    return this.#objects
  }

  get filesByPath(): ReadonlyMap<string, FileEntry> {
    this.#files ??= new Map(filesOf(this.manifest).map((file) => [file.path as string, file]))
    return this.#files
  }

  /** Files by the paths under which they can be read: links to files too, as in the DRP index. */
  get servedFiles(): ReadonlyMap<string, FileEntry> {
    this.#served ??= withLinks(this.manifest, this.filesByPath)
    return this.#served
  }
}

function withLinks(
  manifest: Manifest,
  files: ReadonlyMap<string, FileEntry>,
): ReadonlyMap<string, FileEntry> {
  const links = manifest.entries.filter((entry) => entry.type === 'symlink')
  if (links.length === 0) return files
  const served = new Map(files)
  for (const { path, target } of links) {
    const file = files.get(linkedPath(path, target))
    if (file !== undefined) served.set(path, file)
  }
  return served
}

function linkedPath(link: string, target: string): string {
  const parts = link.split('/').slice(0, -1)
  for (const part of target.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}

interface Kept {
  readonly loading: Promise<LoadedManifest>
  entries: number
  usedAtMs: number
}

/**
 * Manifests as the store holds them, verified and parsed. The ones in use stay parsed for a
 * while: an upload asks for its manifest with every request.
 */
export class ManifestMemory {
  readonly #objects: ObjectStore
  readonly #clock: { now(): number }
  readonly #kept = new Map<Digest, Kept>()

  constructor(options: { readonly objects: ObjectStore; readonly clock: { now(): number } }) {
    this.#objects = options.objects
    this.#clock = options.clock
  }

  /** @throws LW_STORE_OBJECT_MISSING, LW_STORE_OBJECT_DAMAGED, LW_FORMAT_… */
  async load(digest: Digest): Promise<LoadedManifest> {
    let kept = this.#kept.get(digest)
    if (kept === undefined) {
      kept = { loading: this.#parse(digest), entries: 0, usedAtMs: 0 }
      kept.loading.catch(() => this.#kept.delete(digest))
    }
    // The last used one is the last to go.
    this.#kept.delete(digest)
    this.#kept.set(digest, kept)
    kept.usedAtMs = this.#clock.now()
    const loaded = await kept.loading
    kept.entries = loaded.manifest.entries.length
    this.#trim()
    return loaded
  }

  /** Takes over one that was parsed already and lies in the store by now. */
  keep(digest: Digest, manifest: Manifest): void {
    if (this.#kept.has(digest)) return
    const loading = Promise.resolve(new LoadedManifest(manifest))
    const { length: entries } = manifest.entries
    this.#kept.set(digest, { loading, entries, usedAtMs: this.#clock.now() })
    this.#trim()
  }

  /** The exact bytes, verified. */
  bytes(digest: Digest): Promise<Uint8Array> {
    return this.#objects.load(digest, { bytesMax: formatLimits.manifestBytesMax })
  }

  /** Forgets what nobody used for a while. */
  rest(): void {
    const before = this.#clock.now() - limits.manifestRestMs
    for (const [digest, kept] of this.#kept) if (kept.usedAtMs < before) this.#kept.delete(digest)
  }

  async #parse(digest: Digest): Promise<LoadedManifest> {
    return new LoadedManifest(await parseManifestInSlices(await this.bytes(digest)))
  }

  #trim(): void {
    let entries = 0
    for (const kept of this.#kept.values()) entries += kept.entries
    for (const [digest, kept] of this.#kept) {
      const isFitting =
        entries <= limits.manifestEntriesKept && this.#kept.size <= limits.manifestsKept
      if (isFitting || this.#kept.size === 1) return
      this.#kept.delete(digest)
      entries -= kept.entries
    }
  }
}
