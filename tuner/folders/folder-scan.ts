import path from 'node:path'
import type { Digest } from '../../protocol/index.ts'
import { type FileStats, type FileSystem, inParallel } from '../../store/durable-files/index.ts'
import { hashFile } from '../generations/index.ts'
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

/** Paths in the folder, `/`-separated, to what lies there. */
export type DiskImage = ReadonlyMap<string, DiskItem>

/** What an earlier scan knew of files, so that unchanged ones are not read again. */
export interface ScanMemory {
  readonly takenMs: number
  readonly files: ReadonlyMap<string, Extract<DiskItem, { kind: 'file' }>>
}

/** The name of the folder in which an update of a synchronized folder is prepared. */
export const updatingName = '.longwave-updating'

/**
 * Reads what lies in a folder. A file is hashed unless its size, times and inode are those of the
 * memory and older than 2 s at that time (a change within the clock's grain would go unseen).
 */
export async function scanFolder(options: {
  readonly fs: FileSystem
  readonly directory: string
  readonly memory?: ScanMemory
  readonly signal?: AbortSignal
}): Promise<Map<string, DiskItem>> {
  const { fs, directory } = options
  const image = new Map<string, DiskItem>()
  const files: { readonly name: string; readonly stats: FileStats }[] = []
  const walk = async (folder: string, prefix: string, depth: number): Promise<void> => {
    for (const entry of await fs.readdir(folder)) {
      if (prefix === '' && entry.name === updatingName) continue
      const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`
      const full = path.join(folder, entry.name)
      if (entry.type === 'symlink') {
        image.set(name, { kind: 'symlink', target: await fs.readlink(full) })
      } else if (entry.type === 'directory') {
        const stats = await fs.lstat(full)
        image.set(name, { kind: 'directory', mode: stats.mode, mtimeMs: stats.mtimeMs })
        if (depth < folderLimits.depthMax) await walk(full, name, depth + 1)
      } else if (entry.type === 'file') files.push({ name, stats: await fs.lstat(full) })
      else image.set(name, { kind: 'other' })
    }
  }
  await walk(directory, '', 0)
  await inParallel(files, folderLimits.concurrentFiles, async ({ name, stats }) => {
    options.signal?.throwIfAborted()
    const known = options.memory?.files.get(name)
    const sha256 =
      known !== undefined && isUnchanged(known, stats, options.memory?.takenMs ?? 0)
        ? known.sha256
        : await hashFile(fs, path.join(directory, ...name.split('/')))
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
