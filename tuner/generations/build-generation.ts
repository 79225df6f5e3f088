import path from 'node:path'
import type { StagingArea } from '../../mirroring/index.ts'
import { type Digest, type FileEntry, filesOf, type Manifest } from '../../protocol/index.ts'
import {
  createCloneMemory,
  ensureDirectory,
  type FileSystem,
  inParallel,
  linkOrClone,
  removeTree,
  syncTree,
  writeNewFile,
} from '../../store/durable-files/index.ts'
import {
  encodeReleaseRecord,
  encodeTimes,
  type Generation,
  type ReleaseRecord,
} from './generation.ts'
import { generationLimits } from './limits.ts'

export interface BuildOptions {
  readonly fs: FileSystem
  /** Folder that holds `generations/` and `staging/`, on one file system. */
  readonly channelDirectory: string
  /** The generation's folder in `generations/`; nothing has this name yet. */
  readonly name: string
  readonly record: ReleaseRecord
  readonly manifest: Manifest
  readonly manifestBytes: Uint8Array
  /** Objects that the base does not have, verified. */
  readonly staging: StagingArea
  /** The generation whose unchanged files are shared; only sound objects of it are asked for. */
  readonly base: Generation | undefined
  /** Whether the base's object may be used; false sends us to staging. */
  readonly baseHas: (digest: Digest) => boolean
  readonly signal?: AbortSignal
}

/** The mode that a file has in a generation: nobody writes to it, since inodes may be shared. */
export function modeInTree(entry: FileEntry): number {
  return entry.mode === '0755' ? 0o555 : 0o444
}

/**
 * Builds a generation beside the others and makes it durable: files, folders bottom-up,
 * `release.json`, then its name in `generations/`. Until the last step nothing of it is visible;
 * after a failed fsync the half-built tree is given up, never retried.
 */
export async function buildGeneration(options: BuildOptions): Promise<void> {
  const { fs, channelDirectory, name, record, manifest } = options
  const building = path.join(channelDirectory, 'staging', `building-${name}`)
  const tree = path.join(building, 'tree')
  await removeTree(fs, building)
  await ensureDirectory(fs, building, { mode: 0o755 })
  await fs.mkdir(tree, { mode: 0o755 })
  await makeFolders(fs, tree, manifest)
  const { times, fresh } = await new FilePlacing(options, tree).run()
  for (const entry of manifest.entries) {
    if (entry.type === 'symlink') await fs.symlink(entry.target, inTree(tree, entry.path))
  }
  // A hard link's bytes were made durable by the generation that brought them.
  await syncTree(fs, tree, { needsSync: (file) => fresh.has(file) })
  await writeNewFile(fs, path.join(building, 'manifest.json'), options.manifestBytes, 0o444)
  await writeNewFile(fs, path.join(building, 'times.bin'), encodeTimes(times), 0o444)
  await writeNewFile(fs, path.join(building, 'release.json'), encodeReleaseRecord(record), 0o444)
  await fs.syncDirectory(building)
  const generations = path.join(channelDirectory, 'generations')
  await ensureDirectory(fs, generations, { mode: 0o755 })
  await fs.rename(building, path.join(generations, name))
  await fs.syncDirectory(generations)
  // Its old name must not come back with a power cut: recovery removes what has such a name.
  await fs.syncDirectory(path.dirname(building))
}

function inTree(tree: string, entryPath: string): string {
  return path.join(tree, ...entryPath.split('/'))
}

async function makeFolders(fs: FileSystem, tree: string, manifest: Manifest): Promise<void> {
  const made = new Set<string>()
  for (const entry of manifest.entries) {
    const folder = entry.type === 'directory' ? entry.path : path.posix.dirname(entry.path)
    if (folder === '.' || made.has(folder)) continue
    let prefix = ''
    for (const part of folder.split('/')) {
      prefix = prefix === '' ? part : `${prefix}/${part}`
      if (made.has(prefix)) continue
      made.add(prefix)
      await fs.mkdir(inTree(tree, prefix), { mode: 0o755 })
    }
  }
}

/** Puts the files of a release at their paths. */
class FilePlacing {
  readonly #options: BuildOptions
  readonly #tree: string
  readonly #files: readonly FileEntry[]
  /** The time of each file, ms, by its place among the files of the manifest. */
  readonly #times: number[]
  /** Files whose bytes are not durable yet. */
  readonly #fresh = new Set<string>()
  readonly #memory = createCloneMemory()
  /** Links to staged objects are tried first: a clone would not save the copy of a later run. */
  readonly #stagedMemory = { clone: false, link: true }
  readonly #publishedMs: number

  constructor(options: BuildOptions, tree: string) {
    this.#options = options
    this.#tree = tree
    this.#files = filesOf(options.manifest)
    this.#times = new Array<number>(this.#files.length)
    this.#publishedMs = Date.parse(options.manifest.published)
  }

  async run(): Promise<{ readonly times: readonly number[]; readonly fresh: ReadonlySet<string> }> {
    const groups = groupsOf(this.#files)
    const staged = new Set<Digest>()
    await inParallel(groups.values(), generationLimits.concurrentFiles, async (group) => {
      this.#options.signal?.throwIfAborted()
      const [first, ...others] = group
      const file = first === undefined ? undefined : this.#files[first]
      if (first === undefined || file === undefined) return
      const isFirstUse = !staged.has(file.sha256)
      staged.add(file.sha256)
      await this.#placeFirst(first, file, isFirstUse)
      for (const other of others) await this.#placeTwin(first, other)
    })
    return { times: this.#times, fresh: this.#fresh }
  }

  async #placeFirst(index: number, file: FileEntry, isFirstUse: boolean): Promise<void> {
    const { fs, base, staging } = this.#options
    const target = inTree(this.#tree, file.path)
    const held = this.#heldTwin(file)
    let time = this.#publishedMs
    if (base !== undefined && held !== undefined && held.file.mode === file.mode) {
      const how = await linkOrClone(fs, base.pathOf(held.file.path), target, this.#memory)
      time = base.timeOf(held.index)
      if (how !== 'link') await this.#dress(target, file, time)
    } else if (base !== undefined && held !== undefined) {
      // The mode differs: an inode of its own, or the other generation would change with it.
      await fs.copyFile(base.pathOf(held.file.path), target, { clone: 'try' })
      await this.#dress(target, file, time)
    } else {
      // The staged object keeps its name until all is done: a crash must not cost the download.
      const from = staging.objectPath(file.sha256)
      if (isFirstUse) await linkOrClone(fs, from, target, this.#stagedMemory)
      else await fs.copyFile(from, target, { clone: 'try' })
      await this.#dress(target, file, time)
    }
    this.#times[index] = time
  }

  #heldTwin(file: FileEntry): { readonly index: number; readonly file: FileEntry } | undefined {
    const { base, baseHas } = this.#options
    if (base === undefined || !baseHas(file.sha256)) return undefined
    const index = base.find(file.sha256, file.mode)
    const held = index === undefined ? undefined : base.files[index]
    return index === undefined || held === undefined ? undefined : { index, file: held }
  }

  /** Another path with the same bytes and mode shares with the first. */
  async #placeTwin(first: number, other: number): Promise<void> {
    const { fs } = this.#options
    const source = this.#files[first]
    const file = this.#files[other]
    if (source === undefined || file === undefined) return
    const from = inTree(this.#tree, source.path)
    const target = inTree(this.#tree, file.path)
    const how = await linkOrClone(fs, from, target, this.#memory)
    const time = this.#times[first] ?? this.#publishedMs
    if (how !== 'link') await this.#dress(target, file, time)
    this.#times[other] = time
  }

  /** Gives a file its mode and time, and notes that its bytes are not durable yet. */
  async #dress(target: string, file: FileEntry, timeMs: number): Promise<void> {
    const { fs } = this.#options
    await fs.utimes(target, timeMs, timeMs)
    await fs.chmod(target, modeInTree(file))
    this.#fresh.add(target)
  }
}

/** Files with the same bytes and mode, by their places in the list. */
function groupsOf(files: readonly FileEntry[]): ReadonlyMap<string, number[]> {
  const groups = new Map<string, number[]>()
  for (const [index, file] of files.entries()) {
    const key = `${file.sha256}${file.mode}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [index])
    else group.push(index)
  }
  return groups
}
