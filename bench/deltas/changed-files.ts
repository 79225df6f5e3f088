import { scanTree } from '../../delta/directory/tree.ts'

export interface ChangedFile {
  readonly path: string
  /** Undefined for files that are new under their path. */
  readonly oldFile: string | undefined
  readonly newFile: string
  readonly size: number
}

/** The files of the new side whose content the old side does not have, by path. */
export async function changedFiles(oldPath: string, newPath: string): Promise<ChangedFile[]> {
  const old = await scanTree(oldPath, 1)
  const next = await scanTree(newPath, 2)
  const oldFiles = new Map<string, string | undefined>()
  for (const entry of old.entries) {
    if (entry.type === 'file') oldFiles.set(entry.path, old.paths.get(entry.sha256))
  }
  const changed: ChangedFile[] = []
  const seen = new Set<string>()
  for (const entry of next.entries) {
    if (entry.type !== 'file' || old.paths.has(entry.sha256) || seen.has(entry.sha256)) continue
    seen.add(entry.sha256)
    const newFile = next.paths.get(entry.sha256) as string
    changed.push({ path: entry.path, oldFile: oldFiles.get(entry.path), newFile, size: entry.size })
  }
  return changed
}
