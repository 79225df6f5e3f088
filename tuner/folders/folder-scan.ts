import path from 'node:path'
import { hashHandle } from '../../mirroring/index.ts'
import { type Digest, updatingName } from '../../protocol/index.ts'
import {
  type FileStats,
  type FileSystem,
  inParallel,
  isErrno,
} from '../../store/durable-files/index.ts'
import { openPlainFile } from './folder-anchor.ts'
import { folderLimits } from './limits.ts'

/** What lies at a path of a synchronized folder. */
export type DiskItem =
  | {
      readonly kind: 'file'
      readonly size: number
      readonly mode: number
      readonly mtimeMs: number
      readonly ctimeMs: number
      readonly inode: number
      readonly sha256: Digest
    }
  | { readonly kind: 'symlink'; readonly target: string }
  | { readonly kind: 'directory'; readonly mode: number; readonly mtimeMs: number }
  /** Sockets, pipes, devices: never read, only moved out of the way. */
  | { readonly kind: 'other' }

/** Paths in the folder, `/`-separated, to what lies there; `''` is the folder itself. */
export type DiskImage = ReadonlyMap<string, DiskItem>

/** What an earlier scan knew of files, so that unchanged ones are not read again. */
export interface ScanMemory {
  readonly takenMs: number
  readonly files: ReadonlyMap<string, Extract<DiskItem, { kind: 'file' }>>
}

interface Found {
  readonly name: string
  readonly stats: FileStats
}

/**
 * Reads what lies in a folder. A file is hashed unless its size, times and inode are those of the
 * memory and older than 2 s at that time (a change within the clock's grain would go unseen).
 * What vanishes meanwhile is not there.
 */
export async function scanFolder(options: {
  readonly fs: FileSystem
  readonly directory: string
  readonly memory?: ScanMemory
  readonly signal?: AbortSignal
}): Promise<Map<string, DiskItem>> {
  const { fs, directory, signal } = options
  const image = new Map<string, DiskItem>()
  const files: Found[] = []
  const root = await fs.lstat(directory)
  image.set('', { kind: 'directory', mode: root.mode, mtimeMs: root.mtimeMs })
  await walk(fs, { folder: directory, prefix: '', depth: 0 }, { image, files })
  await inParallel(files, folderLimits.concurrentFiles, async ({ name, stats }) => {
    signal?.throwIfAborted()
    const known = options.memory?.files.get(name)
    const sha256 =
      known !== undefined && isUnchanged(known, stats, options.memory?.takenMs ?? 0)
        ? known.sha256
        : await hashIfPresent(fs, path.join(directory, ...name.split('/')))
    if (sha256 === undefined) return
    image.set(name, {
      kind: 'file',
      size: stats.size,
      mode: stats.mode,
      mtimeMs: stats.mtimeMs,
      ctimeMs: stats.ctimeMs,
      inode: stats.inode,
      sha256,
    })
  })
  return image
}

async function walk(
  fs: FileSystem,
  at: { readonly folder: string; readonly prefix: string; readonly depth: number },
  found: { readonly image: Map<string, DiskItem>; readonly files: Found[] },
): Promise<void> {
  for (const entry of await fs.readdir(at.folder)) {
    if (at.prefix === '' && entry.name === updatingName) continue
    // A name that is not UTF-8 cannot be in a release; its folder goes aside with it if need be.
    if (entry.nameBytes !== undefined) continue
    const name = at.prefix === '' ? entry.name : `${at.prefix}/${entry.name}`
    const full = path.join(at.folder, entry.name)
    try {
      if (entry.type === 'symlink') {
        found.image.set(name, { kind: 'symlink', target: await fs.readlink(full) })
      } else if (entry.type === 'directory') {
        const stats = await fs.lstat(full)
        found.image.set(name, { kind: 'directory', mode: stats.mode, mtimeMs: stats.mtimeMs })
        if (at.depth >= folderLimits.depthMax) continue
        await walk(fs, { folder: full, prefix: name, depth: at.depth + 1 }, found)
      } else if (entry.type === 'file') found.files.push({ name, stats: await fs.lstat(full) })
      else found.image.set(name, { kind: 'other' })
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'EINVAL')) throw error
      found.image.delete(name)
    }
  }
}

async function hashIfPresent(fs: FileSystem, file: string): Promise<Digest | undefined> {
  try {
    const handle = await openPlainFile(fs, file)
    return await hashHandle(handle).finally(() => handle.close())
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO')) return undefined
    throw error
  }
}

function isUnchanged(
  known: Extract<DiskItem, { kind: 'file' }>,
  stats: FileStats,
  takenMs: number,
): boolean {
  return (
    known.size === stats.size &&
    known.mtimeMs === stats.mtimeMs &&
    known.ctimeMs === stats.ctimeMs &&
    known.inode === stats.inode &&
    takenMs - Math.max(stats.mtimeMs, stats.ctimeMs) > 2000
  )
}

/** The memory that a scan leaves for the next one. */
export function memoryOf(image: DiskImage, takenMs: number): ScanMemory {
  const files = new Map<string, Extract<DiskItem, { kind: 'file' }>>()
  for (const [name, item] of image) if (item.kind === 'file') files.set(name, item)
  return { takenMs, files }
}
