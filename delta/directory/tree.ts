import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import path from 'node:path'
import {
  type ChannelName,
  comparePaths,
  type Digest,
  digestOf,
  encodeManifest,
  type Entry,
  manifestFormat,
  parseEntryPath,
} from '../../protocol/index.ts'
import { deltaError } from '../errors.ts'

/** A directory or a single file, with the manifest that stands for it in a delta. */
export interface Tree {
  readonly manifest: Uint8Array
  readonly entries: readonly Entry[]
  /** Where the objects lie. */
  readonly paths: ReadonlyMap<Digest, string>
  readonly kind: 'directory' | 'file'
}

/** The path of the only entry when the tree is a single file. */
export const singleFile = parseEntryPath('file')

const mime = 'application/octet-stream'
const depthMax = 64

/**
 * Reads what lies at `root`. Only what a manifest can say counts: contents, whether a file may be
 * executed, links, empty directories.
 * @throws LW_DELTA_MAKE for sockets, devices and the like
 */
export async function scanTree(root: string, release: number): Promise<Tree> {
  const entries: Entry[] = []
  const paths = new Map<Digest, string>()
  const status = await lstat(root)
  const kind = status.isDirectory() ? 'directory' : 'file'
  const addFile = async (file: string, name: string): Promise<void> => {
    const bytes = await readFile(file)
    const sha256 = digestOf(bytes)
    const executable = ((await lstat(file)).mode & 0o100) !== 0
    paths.set(sha256, file)
    entries.push({
      type: 'file',
      path: parseEntryPath(name),
      size: bytes.length,
      sha256,
      mode: executable ? '0755' : '0644',
      mime,
    })
  }
  const walk = async (folder: string, prefix: string, depth: number): Promise<void> => {
    if (depth > depthMax) throw deltaError('LW_DELTA_MAKE', { detail: 'Nested too deep.' })
    const found = await readdir(folder, { withFileTypes: true })
    if (found.length === 0 && prefix !== '') {
      entries.push({ type: 'directory', path: parseEntryPath(prefix) })
    }
    for (const item of found) {
      const file = path.join(folder, item.name)
      const name = prefix === '' ? item.name : `${prefix}/${item.name}`
      if (item.isDirectory()) await walk(file, name, depth + 1)
      else if (item.isFile()) await addFile(file, name)
      else if (item.isSymbolicLink()) {
        const target = await readlink(file)
        entries.push({ type: 'symlink', path: parseEntryPath(name), target })
      } else {
        throw deltaError('LW_DELTA_MAKE', { detail: `${file} is no file, link or directory.` })
      }
    }
  }
  if (kind === 'directory') await walk(root, '', 0)
  else await addFile(root, singleFile)
  entries.sort((a, b) => comparePaths(a.path, b.path))
  return { manifest: treeManifest(entries, release), entries, paths, kind }
}

/** The manifest of a tree that belongs to no channel. */
function treeManifest(entries: readonly Entry[], release: number): Uint8Array {
  return encodeManifest({
    format: manifestFormat,
    channel: digestOf('longwave-delta-1'),
    name: 'delta' as ChannelName,
    kind: 'files',
    release,
    published: '1970-01-01T00:00:00Z',
    entries,
  })
}
