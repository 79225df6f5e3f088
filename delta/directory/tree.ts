import { createHash } from 'node:crypto'
import { closeSync, fstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { lstat } from 'node:fs/promises'
import path from 'node:path'
import {
  type ChannelName,
  comparePaths,
  type Digest,
  digestFromBytes,
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
  const addFile = (file: string, name: string): void => {
    const { sha256, size, executable } = hashFile(file)
    paths.set(sha256, file)
    entries.push({
      type: 'file',
      path: parseEntryPath(name),
      size,
      sha256,
      mode: executable ? '0755' : '0644',
      mime,
    })
  }
  const walk = (folder: string, prefix: string, depth: number): void => {
    if (depth > depthMax) throw deltaError('LW_DELTA_MAKE', { detail: 'Nested too deep.' })
    const found = readdirSync(folder, { withFileTypes: true })
    if (found.length === 0 && prefix !== '') {
      entries.push({ type: 'directory', path: parseEntryPath(prefix) })
    }
    for (const item of found) {
      const file = path.join(folder, item.name)
      const name = prefix === '' ? item.name : `${prefix}/${item.name}`
      if (item.isDirectory()) walk(file, name, depth + 1)
      else if (item.isFile()) addFile(file, name)
      else if (item.isSymbolicLink()) {
        entries.push({ type: 'symlink', path: parseEntryPath(name), target: readlinkSync(file) })
      } else {
        throw deltaError('LW_DELTA_MAKE', { detail: `${file} is no file, link or directory.` })
      }
    }
  }
  if (kind === 'directory') walk(root, '', 0)
  else addFile(root, singleFile)
  entries.sort((a, b) => comparePaths(a.path, b.path))
  return { manifest: treeManifest(entries, release), entries, paths, kind }
}

const pieceBytes = 1 << 20

/** Without waiting: a tree may have thousands of small files, and nobody else waits. */
function hashFile(file: string): {
  readonly sha256: Digest
  readonly size: number
  readonly executable: boolean
} {
  const descriptor = openSync(file, 'r')
  try {
    const { size: expected, mode } = fstatSync(descriptor)
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, expected + 1))
    const hash = createHash('sha256')
    let size = 0
    for (;;) {
      const read = readSync(descriptor, piece)
      if (read === 0) break
      hash.update(piece.subarray(0, read))
      size += read
    }
    const sha256 = digestFromBytes(hash.digest())
    return { sha256, size, executable: (mode & 0o100) !== 0 }
  } finally {
    closeSync(descriptor)
  }
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
