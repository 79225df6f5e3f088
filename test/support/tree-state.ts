import path from 'node:path'
import { digestOf, type Manifest } from '../../protocol/index.ts'
import { type FileSystem, nodeFileSystem } from '../../store/durable-files/index.ts'

/** Every path below a folder with what lies there, as text that can be compared. */
export function readTree(directory: string): Promise<ReadonlyMap<string, string>> {
  return readTreeOf(nodeFileSystem, directory)
}

/** The same through any file system. */
export async function readTreeOf(
  fs: FileSystem,
  directory: string,
): Promise<ReadonlyMap<string, string>> {
  const tree = new Map<string, string>()
  const walk = async (folder: string, prefix: string): Promise<void> => {
    for (const { name } of await fs.readdir(folder)) {
      const full = path.join(folder, name)
      const entry = prefix === '' ? name : `${prefix}/${name}`
      const stats = await fs.lstat(full)
      if (stats.type === 'symlink') tree.set(entry, `link ${await fs.readlink(full)}`)
      else if (stats.type === 'directory') {
        tree.set(entry, 'folder')
        await walk(full, entry)
      } else {
        const mode = (stats.mode & 0o111) === 0 ? 'file' : 'exec'
        tree.set(entry, `${mode} ${digestOf(await fs.readFile(full))}`)
      }
    }
  }
  await walk(directory, '')
  return tree
}

/** The same for what a manifest asks. */
export function treeOf(manifest: Manifest): ReadonlyMap<string, string> {
  const tree = new Map<string, string>()
  for (const entry of manifest.entries) {
    for (let at = entry.path.indexOf('/'); at !== -1; at = entry.path.indexOf('/', at + 1)) {
      tree.set(entry.path.slice(0, at), 'folder')
    }
    if (entry.type === 'directory') tree.set(entry.path, 'folder')
    else if (entry.type === 'symlink') tree.set(entry.path, `link ${entry.target}`)
    else tree.set(entry.path, `${entry.mode === '0755' ? 'exec' : 'file'} ${entry.sha256}`)
  }
  return tree
}

/** Whether two trees are the same, path by path. */
export function sameTree(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  if (a.size !== b.size) return false
  for (const [name, what] of a) if (b.get(name) !== what) return false
  return true
}
