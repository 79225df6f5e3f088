import { comparePaths, type Digest, type Entry, type FileEntry } from '../../protocol/index.ts'

/** Where the content of a file of the new release comes from. */
export type ContentSource =
  /** An object of the old release, by its number in the old object list. */
  | { readonly from: 'old'; readonly object: number }
  /** An object that the bundle builds, by the order of first mention; `size` in bytes. */
  | { readonly from: 'built'; readonly object: number; readonly size: number }

/** One step of the walk over the old entries that gives the new ones. */
export type Edit =
  | { readonly step: 'keep'; readonly count: number }
  | { readonly step: 'delete' }
  | {
      readonly step: 'change'
      readonly content: ContentSource | undefined
      readonly mode: FileEntry['mode']
      readonly mime: string
    }
  | { readonly step: 'insert'; readonly entry: DraftEntry }

/** An entry whose content may still have to be built. */
export type DraftEntry =
  | Exclude<Entry, FileEntry>
  | (Omit<FileEntry, 'sha256' | 'size'> & { readonly content: ContentSource })

/** The distinct objects of a release, in the order of the paths that first use them. */
export interface ObjectList {
  readonly digests: readonly Digest[]
  readonly sizes: readonly number[]
  readonly numbers: ReadonlyMap<Digest, number>
}

export function listObjects(entries: readonly Entry[]): ObjectList {
  const digests: Digest[] = []
  const sizes: number[] = []
  const numbers = new Map<Digest, number>()
  for (const entry of entries) {
    if (entry.type !== 'file' || numbers.has(entry.sha256)) continue
    numbers.set(entry.sha256, digests.length)
    digests.push(entry.sha256)
    sizes.push(entry.size)
  }
  return { digests, sizes, numbers }
}

/** The script that turns the old entries into the new ones. */
export function makeScript(
  oldEntries: readonly Entry[],
  newEntries: readonly Entry[],
  oldObjects: ObjectList,
): readonly Edit[] {
  const edits: Edit[] = []
  const built = new Map<Digest, number>()
  const contentOf = (file: FileEntry): ContentSource => {
    const old = oldObjects.numbers.get(file.sha256)
    if (old !== undefined) return { from: 'old', object: old }
    let object = built.get(file.sha256)
    if (object === undefined) {
      object = built.size
      built.set(file.sha256, object)
    }
    return { from: 'built', object, size: file.size }
  }
  let kept = 0
  const add = (edit: Edit): void => {
    if (kept > 0) edits.push({ step: 'keep', count: kept })
    kept = 0
    edits.push(edit)
  }
  let at = 0
  for (const entry of newEntries) {
    let old = oldEntries[at]
    while (old !== undefined && comparePaths(old.path, entry.path) < 0) {
      add({ step: 'delete' })
      old = oldEntries[++at]
    }
    if (old === undefined || old.path !== entry.path) {
      add({ step: 'insert', entry: draftOf(entry, contentOf) })
    } else if (isSame(old, entry)) {
      kept++
      at++
    } else if (old.type === 'file' && entry.type === 'file') {
      const content = old.sha256 === entry.sha256 ? undefined : contentOf(entry)
      add({ step: 'change', content, mode: entry.mode, mime: entry.mime })
      at++
    } else {
      add({ step: 'delete' })
      add({ step: 'insert', entry: draftOf(entry, contentOf) })
      at++
    }
  }
  for (; at < oldEntries.length; at++) add({ step: 'delete' })
  if (kept > 0) edits.push({ step: 'keep', count: kept })
  return edits
}

function draftOf(entry: Entry, contentOf: (file: FileEntry) => ContentSource): DraftEntry {
  if (entry.type !== 'file') return entry
  const { type, path, mode, mime } = entry
  return { type, path, mode, mime, content: contentOf(entry) }
}

function isSame(a: Entry, b: Entry): boolean {
  if (a.type === 'file' && b.type === 'file') {
    return a.sha256 === b.sha256 && a.mode === b.mode && a.mime === b.mime && a.size === b.size
  }
  if (a.type === 'symlink' && b.type === 'symlink') return a.target === b.target
  return a.type === 'directory' && b.type === 'directory'
}
