import { createHash } from 'node:crypto'
import { isUtf8 } from 'node:buffer'
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import {
  type ChannelName,
  comparePaths,
  type Digest,
  digestFromBytes,
  digestOf,
  encodeManifest,
  type Entry,
  type EntryPath,
  findCollisions,
  manifestFormat,
  parseEntryPath,
  quoted,
  whyNotEntryPath,
  whyNotLinkTarget,
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

/** How `scanTree` reads. */
export interface ScanOptions {
  /** What a tree that cannot be taken is told as: what is made, or the base that is not there. */
  readonly code?: 'LW_DELTA_MAKE' | 'LW_DELTA_BASE'
  readonly signal?: AbortSignal | undefined
}

/**
 * Reads what lies at `root`, or where a link there leads. Only what a manifest can say counts:
 * contents, whether a file may be executed, links, empty directories.
 * @throws LW_DELTA_MAKE or the code that was asked for, with the path of what cannot be taken
 * @throws LW_DELTA_CANCELLED
 */
export async function scanTree(
  root: string,
  release: number,
  options: ScanOptions = {},
): Promise<Tree> {
  const scan = new TreeScan(options)
  const kind = await scan.read(root)
  const { entries, paths } = scan
  entries.sort((a, b) => comparePaths(a.path, b.path))
  const [collision] = findCollisions(entries.map((entry) => entry.path))
  if (collision !== undefined) {
    const { first, second } = collision
    scan.refuse(`${root}: ${quoted(first)} and ${quoted(second)} are one name on some systems.`)
  }
  return { manifest: treeManifest(entries, release), entries, paths, kind }
}

/** How long a signal may wait while a tree is read. */
const turnMs = 50

class TreeScan {
  readonly entries: Entry[] = []
  readonly paths = new Map<Digest, string>()
  readonly #options: ScanOptions
  #turnedMs = performance.now()

  constructor(options: ScanOptions) {
    this.#options = options
  }

  refuse(detail: string, cause?: unknown): never {
    const { code = 'LW_DELTA_MAKE' } = this.#options
    throw deltaError(code, { detail, untouched: 'Nothing was written.', cause })
  }

  async read(root: string): Promise<Tree['kind']> {
    const status = await stat(root)
    if (status.isDirectory()) {
      await this.#folder(root, '', 0)
      return 'directory'
    }
    if (!status.isFile()) this.refuse(`${root} is neither a file nor a folder.`)
    await this.#file(root, singleFile)
    return 'file'
  }

  async #folder(folder: string, prefix: string, depth: number): Promise<void> {
    if (depth > depthMax) this.refuse(`${folder} is nested deeper than ${depthMax} folders.`)
    const found = readdirSync(folder, { withFileTypes: true, encoding: 'buffer' })
    if (found.length === 0 && prefix !== '') {
      this.entries.push({ type: 'directory', path: this.#pathOf(folder, prefix) })
    }
    for (const item of found) {
      const part = this.#textOf(item.name, `${folder} holds a name that`)
      const file = path.join(folder, part)
      const name = prefix === '' ? part : `${prefix}/${part}`
      if (item.isDirectory()) await this.#folder(file, name, depth + 1)
      else if (item.isFile()) await this.#file(file, this.#pathOf(file, name))
      else if (item.isSymbolicLink()) this.#link(file, this.#pathOf(file, name))
      else this.refuse(`${file} is no file, link or folder.`)
    }
  }

  async #file(file: string, name: EntryPath): Promise<void> {
    const { sha256, size, executable } = await this.#hash(file)
    this.paths.set(sha256, file)
    const mode = executable ? '0755' : '0644'
    this.entries.push({ type: 'file', path: name, size, sha256, mode, mime })
  }

  #link(file: string, name: EntryPath): void {
    const target = this.#textOf(readlinkSync(file, 'buffer'), `${file} is a link whose target`)
    const why = whyNotLinkTarget(name, target)
    if (why !== undefined) this.refuse(`${file} is a link with ${why}: ${quoted(target)}.`)
    this.entries.push({ type: 'symlink', path: name, target })
  }

  #pathOf(file: string, name: string): EntryPath {
    const why = whyNotEntryPath(name)
    if (why !== undefined) this.refuse(`The path ${file} ${why}.`)
    return name as EntryPath
  }

  #textOf(name: Buffer, says: string): string {
    if (!isUtf8(name)) this.refuse(`${says} is not UTF-8: ${quoted(name.toString('latin1'))}.`)
    return name.toString()
  }

  /**
   * Mostly without waiting: a tree may have thousands of small files. What became a pipe or device
   * since it was looked at is opened without waiting for its other end, and not read.
   */
  async #hash(file: string): Promise<{
    readonly sha256: Digest
    readonly size: number
    readonly executable: boolean
  }> {
    const descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const status = fstatSync(descriptor)
      if (!status.isFile()) this.refuse(`${file} is no file any more.`)
      const piece = Buffer.allocUnsafe(Math.min(pieceBytes, status.size + 1))
      const hash = createHash('sha256')
      let size = 0
      for (;;) {
        const read = readSync(descriptor, piece)
        if (read === 0) break
        hash.update(piece.subarray(0, read))
        size += read
        const turn = this.#turn()
        if (turn !== undefined) await turn
      }
      const sha256 = digestFromBytes(hash.digest())
      return { sha256, size, executable: (status.mode & 0o100) !== 0 }
    } finally {
      closeSync(descriptor)
    }
  }

  /** Lets signals through now and then. */
  #turn(): Promise<void> | undefined {
    if (performance.now() - this.#turnedMs < turnMs) return undefined
    return setImmediate().then(() => {
      this.#turnedMs = performance.now()
      if (this.#options.signal?.aborted === true) throw deltaError('LW_DELTA_CANCELLED')
    })
  }
}

const pieceBytes = 1 << 20

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
