import type { Digest } from '../../protocol/index.ts'
import type { DiskImage, DiskItem } from './folder-scan.ts'

/** What shall lie at a path. */
export type TargetItem =
  | {
      readonly kind: 'file'
      readonly sha256: Digest
      readonly size: number
      /** Permission bits. */
      readonly mode: number
      readonly mtimeMs: number
      /** Whether mode and time must be met exactly (undo) or only the executable bit (update). */
      readonly exact: boolean
    }
  | { readonly kind: 'symlink'; readonly target: string }
  | { readonly kind: 'directory'; readonly mode?: number; readonly mtimeMs?: number }

export type TargetImage = ReadonlyMap<string, TargetItem>

/** One change of a path. Steps are numbered by their place in the plan. */
export type Step =
  | { readonly do: 'remove'; readonly path: string; readonly before: BeforeImage }
  | { readonly do: 'rmdir'; readonly path: string; readonly before: BeforeImage }
  | { readonly do: 'mkdir'; readonly path: string; readonly mode: number }
  | {
      readonly do: 'place'
      readonly path: string
      readonly item: Exclude<TargetItem, { kind: 'directory' }>
      /** Absent when nothing lay there. */
      readonly before?: BeforeImage
    }
  /** Directory times and modes that an undo brings back, after everything else. */
  | { readonly do: 'times'; readonly path: string; readonly mode: number; readonly mtimeMs: number }

/** What lay at a path before; its bytes go to the undo area under the step's number. */
export type BeforeImage =
  | {
      readonly kind: 'file'
      readonly sha256: Digest
      readonly size: number
      readonly mode: number
      readonly mtimeMs: number
    }
  | { readonly kind: 'symlink'; readonly target: string }
  | { readonly kind: 'directory'; readonly mode: number; readonly mtimeMs: number }
  | { readonly kind: 'other' }

export interface FolderPlan {
  readonly steps: readonly Step[]
  /** Objects that must be at hand before the first change. */
  readonly needed: ReadonlyMap<Digest, number>
  /** Protected paths that lie where the release needs something of another kind. */
  readonly conflicts: readonly string[]
}

/**
 * The steps from what lies there to what shall lie there: removals deepest first, folders from the
 * top, then files and links. Protected paths are left as they are, and so are sockets, pipes and
 * devices that are in nobody's way: they cannot be kept for an undo.
 */
export function planFolder(
  disk: DiskImage,
  target: TargetImage,
  isProtected: (path: string) => boolean,
): FolderPlan {
  const removals: Step[] = []
  const removedFolders: Step[] = []
  const folders: Step[] = []
  const places: Step[] = []
  const times: Step[] = []
  const needed = new Map<Digest, number>()
  const keptFolders = foldersToKeep(disk, target, isProtected)
  const conflicts: string[] = []
  for (const [path, item] of disk) {
    if (path === '') continue
    const wanted = target.get(path)
    if (item.kind === 'directory') {
      if (wanted?.kind === 'directory') continue
      if (keptFolders.has(path)) {
        if (wanted !== undefined) conflicts.push(path)
        continue
      }
      removedFolders.push({ do: 'rmdir', path, before: beforeOf(item) })
    } else if (isProtected(path)) {
      if (wanted?.kind === 'directory') conflicts.push(path)
    } else if (wanted === undefined && item.kind === 'other') {
      // Whoever made it uses it.
    } else if (wanted === undefined || wanted.kind === 'directory') {
      removals.push({ do: 'remove', path, before: beforeOf(item) })
    }
  }
  for (const [path, wanted] of target) {
    const item = disk.get(path)
    if (wanted.kind === 'directory') {
      if (item?.kind !== 'directory' && path !== '') {
        folders.push({ do: 'mkdir', path, mode: wanted.mode ?? 0o755 })
      }
      if (wanted.mtimeMs !== undefined && wanted.mode !== undefined) {
        times.push({ do: 'times', path, mode: wanted.mode, mtimeMs: wanted.mtimeMs })
      }
      continue
    }
    if (isProtected(path) && item !== undefined && item.kind !== 'directory') continue
    if (item !== undefined && isMet(item, wanted)) continue
    places.push({
      do: 'place',
      path,
      item: wanted,
      // A folder in the way is emptied and removed by steps of its own.
      ...(item === undefined || item.kind === 'directory' ? {} : { before: beforeOf(item) }),
    })
    if (wanted.kind === 'file') needed.set(wanted.sha256, wanted.size)
  }
  const deepestFirst = (a: Step, b: Step): number => depthOf(b) - depthOf(a)
  const topFirst = (a: Step, b: Step): number => depthOf(a) - depthOf(b)
  const steps = [
    ...removals,
    ...removedFolders.sort(deepestFirst),
    ...folders.sort(topFirst),
    ...places,
    ...times.sort(deepestFirst),
  ]
  return { steps, needed, conflicts }
}

/** Folders that stay because something in them does. */
function foldersToKeep(
  disk: DiskImage,
  target: TargetImage,
  isProtected: (path: string) => boolean,
): ReadonlySet<string> {
  const kept = new Set<string>()
  const keepAbove = (path: string): void => {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      kept.add(path.slice(0, at))
    }
  }
  for (const path of target.keys()) keepAbove(path)
  for (const [path, item] of disk) {
    if (!isProtected(path) && item.kind !== 'other') continue
    keepAbove(path)
    if (item.kind === 'directory') kept.add(path)
  }
  return kept
}

function depthOf(step: Step): number {
  return step.path === '' ? 0 : step.path.split('/').length
}

function beforeOf(item: DiskItem): BeforeImage {
  if (item.kind === 'file') {
    const { kind, sha256, size, mode, mtimeMs } = item
    return { kind, sha256, size, mode, mtimeMs }
  }
  return item
}

function isMet(item: DiskItem, wanted: Exclude<TargetItem, { kind: 'directory' }>): boolean {
  if (wanted.kind === 'symlink') return item.kind === 'symlink' && item.target === wanted.target
  if (item.kind !== 'file' || item.sha256 !== wanted.sha256) return false
  if (wanted.exact) return item.mode === wanted.mode && item.mtimeMs === wanted.mtimeMs
  return ((item.mode & 0o111) !== 0) === ((wanted.mode & 0o111) !== 0)
}

/**
 * How local content differs from what the last update left (edited, deleted, added). `special` is a
 * socket, pipe or device where the release has something: it goes aside, and no undo brings it back.
 */
export interface LocalChange {
  readonly path: string
  readonly what: 'edited' | 'deleted' | 'added' | 'special'
}

/** The sockets, pipes and devices that a release leaves where they are. */
export function specialFiles(disk: DiskImage, target: TargetImage): readonly string[] {
  return [...disk]
    .filter(([path, item]) => item.kind === 'other' && !target.has(path))
    .map(([path]) => path)
}

/** Lists local changes against the image that the last update made. */
export function localChanges(
  disk: DiskImage,
  held: TargetImage,
  isProtected: (path: string) => boolean,
): readonly LocalChange[] {
  const changes: LocalChange[] = []
  for (const [path, wanted] of held) {
    if (isProtected(path)) continue
    const item = disk.get(path)
    if (item === undefined) changes.push({ path, what: 'deleted' })
    else if (item.kind === 'other') changes.push({ path, what: 'special' })
    else if (wanted.kind === 'directory' ? item.kind !== 'directory' : !isMet(item, wanted)) {
      changes.push({ path, what: 'edited' })
    }
  }
  const folders = foldersToKeep(disk, held, isProtected)
  for (const [path, item] of disk) {
    if (item.kind === 'other') continue
    if (path !== '' && !held.has(path) && !folders.has(path) && !isProtected(path)) {
      changes.push({ path, what: 'added' })
    }
  }
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1))
}
