import { createHash } from 'node:crypto'
import path from 'node:path'
import { digestFromBytes } from '../../protocol/index.ts'
import {
  ensureDirectory,
  type FileHandle,
  type FileSystem,
  isErrno,
  removeIfPresent,
  removeTemporaryFiles,
  temporaryName,
} from '../../store/durable-files/index.ts'
import { proxyLimits as limits } from '../limits.ts'
import type { ProxyMeasures } from '../measures.ts'
import {
  type CheckedContent,
  type ContentKey,
  fileNameOf,
  keyText,
  parseFileName,
} from './content-key.ts'

/** A cached file. */
export interface CacheEntry extends CheckedContent {
  usedAtMs: number
  /** How often it was sent from its file. */
  uses: number
  /** Its bytes were hashed by this process. */
  checked: boolean
}

/** A file on its way into the cache. */
export interface IncomingFile {
  readonly path: string
  readonly handle: FileHandle
}

/** What `ContentCache` takes. */
export interface ContentCacheOptions {
  readonly directory: string
  readonly fileSystem: FileSystem
  readonly budgetBytes: number
  readonly clock: { now(): number }
  readonly measures: ProxyMeasures
}

/**
 * Verified bytes on disk, by digest, within a budget; what was not used for longest goes first.
 * The files are the only record: a name is given after the bytes were verified and synced, so a
 * crash leaves whole entries, or temporary files that the next start removes (R12).
 */
export class ContentCache {
  readonly #options: ContentCacheOptions
  /** In order of use, the longest unused first. */
  readonly #entries = new Map<string, CacheEntry>()
  readonly #folders = new Set<string>()
  readonly #checking = new Map<string, Promise<boolean>>()
  #bytes = 0
  #restUntilMs = Number.NEGATIVE_INFINITY

  constructor(options: ContentCacheOptions) {
    this.#options = options
  }

  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#entries.size
  }

  get budgetBytes(): number {
    return this.#options.budgetBytes
  }

  /** Whether the disk is worth trying: it is left alone for a while after an error. */
  get isUsable(): boolean {
    return this.#options.clock.now() >= this.#restUntilMs
  }

  /** Removes what a crash left, and lists the rest. */
  async open(): Promise<void> {
    const { fileSystem: fs, directory } = this.#options
    await ensureDirectory(fs, this.#incoming(), { mode: 0o700 })
    await ensureDirectory(fs, path.join(directory, 'content'), { mode: 0o700 })
    await removeTemporaryFiles(fs, this.#incoming())
    const found: CacheEntry[] = []
    for (const fan of await fs.readdir(path.join(directory, 'content'))) {
      if (fan.type !== 'directory' || !/^[0-9a-f]{2}$/.test(fan.name)) continue
      this.#folders.add(fan.name)
      found.push(...(await this.#list(fan.name)))
    }
    for (const entry of found.sort((a, b) => a.usedAtMs - b.usedAtMs)) await this.#put(entry)
    await this.makeRoom(0)
  }

  async #list(fan: string): Promise<CacheEntry[]> {
    const { fileSystem: fs, directory } = this.#options
    const folder = path.join(directory, 'content', fan)
    const entries: CacheEntry[] = []
    for (const { name } of await fs.readdir(folder)) {
      const parsed = parseFileName(name)
      if (parsed === undefined) continue
      const { size, mtimeMs } = await fs.lstat(path.join(folder, name))
      entries.push({ ...parsed, size, usedAtMs: mtimeMs, uses: 0, checked: false })
    }
    return entries
  }

  /** The entry, which counts as used now. */
  find(key: ContentKey): CacheEntry | undefined {
    const text = keyText(key)
    const entry = this.#entries.get(text)
    if (entry === undefined) return undefined
    this.#entries.delete(text)
    this.#entries.set(text, entry)
    this.#noteUse(entry)
    return entry
  }

  has(key: ContentKey): boolean {
    return this.#entries.has(keyText(key))
  }

  /**
   * Opens an entry. One that this process has not hashed yet is hashed first: what rotted on the
   * disk must not be handed out again and again.
   * @returns undefined when it is gone or damaged; it is no entry any more then
   */
  async openEntry(entry: CacheEntry): Promise<FileHandle | undefined> {
    const { fileSystem: fs } = this.#options
    let handle: FileHandle
    try {
      handle = await fs.open(this.pathOf(entry), 'r')
    } catch (error) {
      this.#drop(entry)
      if (!isErrno(error, 'ENOENT')) this.noteTrouble()
      return undefined
    }
    if (entry.checked || (await this.#check(handle, entry))) return handle
    await handle.close()
    await this.discard(entry)
    return undefined
  }

  /** Hashes an entry once for all who want it at the same time. */
  async #check(handle: FileHandle, entry: CacheEntry): Promise<boolean> {
    const file = fileNameOf(entry)
    let checking = this.#checking.get(file)
    if (checking === undefined) {
      checking = this.#isSound(handle, entry).finally(() => this.#checking.delete(file))
      this.#checking.set(file, checking)
    }
    const sound = await checking
    if (sound) entry.checked = true
    return sound
  }

  async #isSound(handle: FileHandle, entry: CacheEntry): Promise<boolean> {
    try {
      const hash = createHash('sha256')
      const buffer = Buffer.allocUnsafe(256 * 1024)
      let position = 0
      for (;;) {
        const count = await handle.read(position, buffer)
        if (count === 0) break
        hash.update(buffer.subarray(0, count))
        position += count
      }
      return position === entry.size && digestFromBytes(hash.digest()) === entry.bytesDigest
    } catch {
      return false
    }
  }

  /** Where an entry lies. */
  pathOf(entry: Pick<CheckedContent, 'digest' | 'form' | 'bytesDigest'>): string {
    const { directory } = this.#options
    return path.join(directory, 'content', entry.digest.slice(0, 2), fileNameOf(entry))
  }

  /** Begins a file that may become an entry. */
  async begin(): Promise<IncomingFile> {
    const { fileSystem: fs } = this.#options
    const file = path.join(this.#incoming(), temporaryName())
    return { path: file, handle: await fs.open(file, 'wx+', 0o600) }
  }

  /** Makes a written and verified file an entry; its handle stays open and is the caller's. */
  async adopt(file: IncomingFile, content: CheckedContent): Promise<void> {
    const { fileSystem: fs, directory, clock } = this.#options
    await file.handle.sync()
    const fan = content.digest.slice(0, 2)
    if (!this.#folders.has(fan)) {
      await ensureDirectory(fs, path.join(directory, 'content', fan), { mode: 0o700 })
      this.#folders.add(fan)
    }
    await this.makeRoom(content.size)
    await fs.rename(file.path, this.pathOf(content))
    await this.#put({ ...content, usedAtMs: clock.now(), uses: 0, checked: true })
  }

  /** Removes a file that does not become an entry. */
  async abandon(file: IncomingFile): Promise<void> {
    await removeIfPresent(this.#options.fileSystem, file.path).catch(() => undefined)
  }

  /** Removes an entry whose bytes are wrong. */
  async discard(entry: CacheEntry): Promise<void> {
    this.#options.measures.damaged += 1
    this.#drop(entry)
    await removeIfPresent(this.#options.fileSystem, this.pathOf(entry)).catch(() => undefined)
  }

  /** Takes the longest unused entries away until so many bytes fit. */
  async makeRoom(bytes: number): Promise<void> {
    const { fileSystem: fs, budgetBytes, measures } = this.#options
    for (const entry of this.#entries.values()) {
      if (this.#bytes + bytes <= budgetBytes) return
      this.#drop(entry)
      measures.evictions += 1
      await removeIfPresent(fs, this.pathOf(entry)).catch(() => this.noteTrouble())
    }
  }

  /** The disk failed: requests go past the cache for a while. */
  noteTrouble(): void {
    this.#options.measures.cacheErrors += 1
    this.#restUntilMs = this.#options.clock.now() + limits.cacheRestMs
  }

  #incoming(): string {
    return path.join(this.#options.directory, 'incoming')
  }

  async #put(entry: CacheEntry): Promise<void> {
    const before = this.#entries.get(keyText(entry))
    this.#drop(entry)
    this.#entries.set(keyText(entry), entry)
    this.#bytes += entry.size
    // One compressed form of an object is enough.
    if (before !== undefined && before.bytesDigest !== entry.bytesDigest) {
      await removeIfPresent(this.#options.fileSystem, this.pathOf(before)).catch(() => undefined)
    }
  }

  #drop(entry: ContentKey): void {
    const text = keyText(entry)
    const known = this.#entries.get(text)
    if (known === undefined) return
    this.#entries.delete(text)
    this.#bytes -= known.size
  }

  /** Written down now and then only: the order within an hour is worth no disk writes. */
  #noteUse(entry: CacheEntry): void {
    const nowMs = this.#options.clock.now()
    if (nowMs - entry.usedAtMs < limits.lastUseMs) return
    entry.usedAtMs = nowMs
    const { fileSystem: fs } = this.#options
    fs.utimes(this.pathOf(entry), nowMs, nowMs).catch(() => undefined)
  }
}
