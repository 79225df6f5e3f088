import type { Entry, Manifest } from '../../protocol/index.ts'

/** How many entries an update touched. */
export interface ChangeCount {
  readonly added: number
  readonly changed: number
  readonly removed: number
  readonly unchanged: number
}

/** Compares two releases entry by entry. */
export function countChanges(before: Manifest | undefined, after: Manifest): ChangeCount {
  const old = new Map<string, Entry>()
  for (const entry of before?.entries ?? []) old.set(entry.path, entry)
  let added = 0
  let changed = 0
  let unchanged = 0
  for (const entry of after.entries) {
    const previous = old.get(entry.path)
    old.delete(entry.path)
    if (previous === undefined) added++
    else if (isSame(previous, entry)) unchanged++
    else changed++
  }
  return { added, changed, removed: old.size, unchanged }
}

function isSame(a: Entry, b: Entry): boolean {
  if (a.type === 'file') return b.type === 'file' && a.sha256 === b.sha256 && a.mode === b.mode
  if (a.type === 'symlink') return b.type === 'symlink' && a.target === b.target
  return b.type === 'directory'
}
