import path from 'node:path'
import type { StagingArea } from '../../mirroring/index.ts'
import type { Digest, FileEntry, Manifest } from '../../protocol/index.ts'
import {
  createCloneMemory,
  ensureDirectory,
  type FileSystem,
  inParallel,
  isErrno,
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
export async function buildGeneration(options: BuildOptions): Promise<string> {
  const { fs, channelDirectory, record, manifest } = options
  const building = path.join(channelDirectory, 'staging', `building-${record.release}`)
  const tree = path.join(building, 'tree')
  await removeTree(fs, building)
  await ensureDirectory(fs, building, { mode: 0o755 })
  await fs.mkdir(tree, { mode: 0o755 })
  await makeFolders(fs, tree, manifest)
  const { times, fresh } = await placeFiles(options, tree)
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
  const directory = path.join(generations, String(record.release))
  await moveAway(fs, channelDirectory, record.release)
  await fs.rename(building, directory)
  await fs.syncDirectory(generations)
  return directory
}

/** An earlier, unsound generation of the same number makes room; it must not be the current one. */
async function moveAway(
  fs: FileSystem,
  channelDirectory: string,
  release: number,
): Promise<void> {
  const away = path.join(channelDirectory, 'staging', `removed-${release}`)
  await removeTree(fs, away)
  try {
    await fs.rename(path.join(channelDirectory, 'generations', String(release)), away)
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error
  }
  await removeTree(fs, away)
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

/** Puts every file at its path; returns its time and which files hold bytes not yet durable. */
async function placeFiles(
  options: BuildOptions,
  tree: string,
): Promise<{ readonly times: readonly number[]; readonly fresh: ReadonlySet<string> }> {
  const { fs, manifest, staging, base, signal } = options
  const publishedMs = Date.parse(manifest.published)
  const files = manifest.entries.filter((entry) => entry.type === 'file')
  const times: number[] = new Array(files.length)
  const fresh = new Set<string>()
  const memory = createCloneMemory()
  // Files with the same bytes and mode share: the first one placed is the source of the others.
  const groups = new Map<string, number[]>()
  for (const [index, file] of files.entries()) {
    const key = `${file.sha256}${file.mode}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [index])
    else group.push(index)
  }
  const left = new Map<Digest, number>()
  for (const key of groups.keys()) {
    const digest = key.slice(0, 64) as Digest
    left.set(digest, (left.get(digest) ?? 0) + 1)
  }
  await inParallel(groups.values(), generationLimits.concurrentFiles, async (group) => {
    signal?.throwIfAborted()
    const [first, ...others] = group
    const file = first === undefined ? undefined : files[first]
    if (first === undefined || file === undefined) return
    const target = inTree(tree, file.path)
    const held = options.baseHas(file.sha256) ? base?.find(file.sha256, file.mode) : undefined
    const heldFile = held === undefined ? undefined : base?.files[held]
    let time = publishedMs
    if (base !== undefined && held !== undefined && heldFile?.mode === file.mode) {
      const how = await linkOrClone(fs, base.pathOf(heldFile.path), target, memory)
      time = base.timeOf(held)
      if (how !== 'link') await dress(fs, target, file, time, fresh)
    } else if (base !== undefined && heldFile !== undefined) {
      // The mode differs: an inode of its own, or the other generation would change with it.
      await fs.copyFile(base.pathOf(heldFile.path), target, { clone: 'try' })
      await dress(fs, target, file, time, fresh)
    } else {
      const count = (left.get(file.sha256) ?? 1) - 1
      left.set(file.sha256, count)
      const staged = staging.objectPath(file.sha256)
      if (count === 0) await fs.rename(staged, target)
      else await fs.copyFile(staged, target, { clone: 'try' })
      await dress(fs, target, file, time, fresh)
    }
    times[first] = time
    for (const index of others) {
      const other = files[index]
      if (other === undefined) continue
      const how = await linkOrClone(fs, target, inTree(tree, other.path), memory)
      if (how !== 'link') await dress(fs, inTree(tree, other.path), other, time, fresh)
      times[index] = time
    }
  })
  return { times, fresh }
}

/** Gives a file of its own its mode and time, and notes that its bytes are not durable yet. */
async function dress(
  fs: FileSystem,
  target: string,
  file: FileEntry,
  timeMs: number,
  fresh: Set<string>,
): Promise<void> {
  await fs.utimes(target, timeMs, timeMs)
  await fs.chmod(target, modeInTree(file))
  fresh.add(target)
}
