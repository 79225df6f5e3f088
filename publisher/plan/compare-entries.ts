import { type Digest, type Entry, comparePaths } from '../../protocol/index.ts'

/** What differs between two releases, as people count it. */
export interface ContentChanges {
  readonly added: number
  readonly changed: number
  readonly removed: number
  /** Bytes of files that are new or have other contents. */
  readonly changedBytes: number
  /** Bytes of objects that the older release does not have at all. */
  readonly newObjectBytes: number
  readonly newObjects: number
}

/** Compares two sorted lists of entries. */
export function compareEntries(before: readonly Entry[], after: readonly Entry[]): ContentChanges {
  const known = new Set<Digest>()
  for (const entry of before) if (entry.type === 'file') known.add(entry.sha256)
  let added = 0
  let changed = 0
  let removed = 0
  let changedBytes = 0
  let newObjectBytes = 0
  let newObjects = 0
  const count = (entry: Entry): void => {
    if (entry.type !== 'file') return
    changedBytes += entry.size
    if (known.has(entry.sha256)) return
    known.add(entry.sha256)
    newObjects++
    newObjectBytes += entry.size
  }
  let at = 0
  for (const entry of after) {
    let old = before[at]
    while (old !== undefined && comparePaths(old.path, entry.path) < 0) {
      removed++
      old = before[++at]
    }
    if (old === undefined || old.path !== entry.path) {
      added++
      count(entry)
      continue
    }
    at++
    if (sameEntry(old, entry)) continue
    changed++
    if (old.type !== 'file' || entry.type !== 'file' || old.sha256 !== entry.sha256) count(entry)
  }
  removed += before.length - at
  return { added, changed, removed, changedBytes, newObjectBytes, newObjects }
}

function sameEntry(a: Entry, b: Entry): boolean {
  if (a.type === 'file' && b.type === 'file') {
    return a.sha256 === b.sha256 && a.mode === b.mode && a.mime === b.mime
  }
  if (a.type === 'symlink' && b.type === 'symlink') return a.target === b.target
  return a.type === b.type
}
