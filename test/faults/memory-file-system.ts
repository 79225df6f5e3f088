import path from 'node:path'
import type {
  CopyOptions,
  DirectoryEntry,
  FileHandle,
  FileStats,
  FileSystem,
  FileSystemSpace,
  OpenFlags,
} from '../../store/durable-files/index.ts'

interface FileNode {
  readonly type: 'file'
  readonly inode: number
  bytes: Buffer
  /** What a power cut leaves; undefined before the first fsync. */
  durable: Buffer | undefined
  mode: number
  mtimeMs: number
}

interface LinkNode {
  readonly type: 'symlink'
  readonly inode: number
  readonly target: string
}

interface FolderNode {
  readonly type: 'directory'
  readonly inode: number
  names: Map<string, Node>
  /** What a power cut leaves. */
  durable: Map<string, Node>
  mode: number
}

type Node = FileNode | LinkNode | FolderNode

/**
 * What a power cut does to what was not synced. `all-lost`: it never happened. `bytes-lost`: names
 * are as they were last, files without fsync are empty. `names-lost`: bytes are as they were last,
 * folders without fsync have their old names.
 */
export type PowerCut = 'all-lost' | 'bytes-lost' | 'names-lost'

export const powerCuts: readonly PowerCut[] = ['all-lost', 'bytes-lost', 'names-lost']

/** A file system in memory that keeps apart what is there and what would survive a power cut. */
export class MemoryFileSystem implements FileSystem {
  #root: FolderNode = {
    type: 'directory',
    inode: 1,
    names: new Map(),
    durable: new Map(),
    mode: 0o755,
  }
  #nextInode = 2
  #now = 0

  /** The file system as it is found when the power is back. */
  afterPowerCut(cut: PowerCut): MemoryFileSystem {
    const after = new MemoryFileSystem()
    const known = new Map<Node, Node>()
    const survive = (node: Node): Node => {
      const done = known.get(node)
      if (done !== undefined) return done
      const survivor = survivorOf(node, cut)
      known.set(node, survivor)
      if (node.type === 'directory' && survivor.type === 'directory') {
        const names = cut === 'bytes-lost' ? node.names : node.durable
        for (const [name, child] of names) survivor.names.set(name, survive(child))
        survivor.durable = new Map(survivor.names)
      }
      return survivor
    }
    after.#root = survive(this.#root) as FolderNode
    after.#nextInode = this.#nextInode
    after.#now = this.#now
    return after
  }

  /** A copy that goes its own way: the same inodes, names and what of them is durable. */
  clone(): MemoryFileSystem {
    const copy = new MemoryFileSystem()
    const known = new Map<Node, Node>()
    const copyOf = (node: Node): Node => {
      const done = known.get(node)
      if (done !== undefined) return done
      // Bytes are replaced and never written into, so copies may share them.
      const made: Node =
        node.type === 'directory' ? { ...node, names: new Map(), durable: new Map() } : { ...node }
      known.set(node, made)
      if (node.type === 'directory' && made.type === 'directory') {
        for (const [name, child] of node.names) made.names.set(name, copyOf(child))
        for (const [name, child] of node.durable) made.durable.set(name, copyOf(child))
      }
      return made
    }
    copy.#root = copyOf(this.#root) as FolderNode
    copy.#nextInode = this.#nextInode
    copy.#now = this.#now
    return copy
  }

  #inode(): number {
    return this.#nextInode++
  }

  #tick(): number {
    return ++this.#now
  }

  /** The folder that holds a name, and the name. */
  #parent(file: string): { readonly folder: FolderNode; readonly name: string } {
    const folder = this.#find(path.dirname(file), true)
    if (folder.type !== 'directory') throw systemError('ENOTDIR', file)
    return { folder, name: path.basename(file) }
  }

  #find(file: string, followLast: boolean, depth = 0): Node {
    if (depth > 40) throw systemError('ELOOP', file)
    let node: Node = this.#root
    let at = '/'
    const parts = path
      .resolve(file)
      .split('/')
      .filter((part) => part !== '')
    for (const [index, part] of parts.entries()) {
      if (node.type !== 'directory') throw systemError('ENOTDIR', file)
      const child = node.names.get(part)
      if (child === undefined) throw systemError('ENOENT', file)
      const isLast = index === parts.length - 1
      if (child.type === 'symlink' && (!isLast || followLast)) {
        const target = path.resolve(at, child.target, ...parts.slice(index + 1))
        return this.#find(target, followLast, depth + 1)
      }
      node = child
      at = path.join(at, part)
    }
    return node
  }

  #file(file: string): FileNode {
    const node = this.#find(file, true)
    if (node.type !== 'file') throw systemError('EISDIR', file)
    return node
  }

  async mkdir(file: string, options: { readonly mode?: number } = {}): Promise<void> {
    const { folder, name } = this.#parent(file)
    if (folder.names.has(name) || name === '') throw systemError('EEXIST', file)
    const mode = options.mode ?? 0o755
    const made = { type: 'directory', inode: this.#inode(), names: new Map(), mode } as const
    folder.names.set(name, { ...made, durable: new Map() })
  }

  async open(file: string, flags: OpenFlags, mode = 0o644): Promise<FileHandle> {
    if (typeof flags === 'number') throw systemError('EINVAL', file)
    return new MemoryHandle(this.#opened(file, flags, mode), {
      isAppending: flags === 'a',
      now: () => this.#tick(),
    })
  }

  #opened(file: string, flags: Exclude<OpenFlags, number>, mode: number): FileNode {
    if (flags === 'r' || flags === 'r+') return this.#file(file)
    const { folder, name } = this.#parent(file)
    const present = folder.names.get(name)
    if (present !== undefined) {
      if (flags.startsWith('wx')) throw systemError('EEXIST', file)
      const node = this.#file(file)
      if (flags === 'w') node.bytes = Buffer.alloc(0)
      return node
    }
    const inode = this.#inode()
    const mtimeMs = this.#tick()
    const bytes = Buffer.alloc(0)
    const node: FileNode = { type: 'file', inode, bytes, durable: undefined, mode, mtimeMs }
    folder.names.set(name, node)
    return node
  }

  async readFile(file: string): Promise<Buffer> {
    return Buffer.from(this.#file(file).bytes)
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.#parent(from)
    const target = this.#parent(to)
    const node = source.folder.names.get(source.name)
    if (node === undefined) throw systemError('ENOENT', from)
    const there = target.folder.names.get(target.name)
    if (there === node) return
    if (there?.type === 'directory') {
      if (node.type !== 'directory') throw systemError('EISDIR', to)
      if (there.names.size > 0) throw systemError('ENOTEMPTY', to)
    } else if (there !== undefined && node.type === 'directory') throw systemError('ENOTDIR', to)
    source.folder.names.delete(source.name)
    target.folder.names.set(target.name, node)
  }

  async link(existing: string, file: string): Promise<void> {
    const node = this.#find(existing, false)
    if (node.type === 'directory') throw systemError('EPERM', existing)
    this.#add(file, node)
  }

  async symlink(target: string, file: string): Promise<void> {
    this.#add(file, { type: 'symlink', inode: this.#inode(), target })
  }

  #add(file: string, node: Node): void {
    const { folder, name } = this.#parent(file)
    if (folder.names.has(name)) throw systemError('EEXIST', file)
    folder.names.set(name, node)
  }

  async unlink(file: string): Promise<void> {
    const { folder, name } = this.#parent(file)
    const node = folder.names.get(name)
    if (node === undefined) throw systemError('ENOENT', file)
    if (node.type === 'directory') throw systemError('EISDIR', file)
    folder.names.delete(name)
  }

  async rmdir(file: string): Promise<void> {
    const { folder, name } = this.#parent(file)
    const node = folder.names.get(name)
    if (node === undefined) throw systemError('ENOENT', file)
    if (node.type !== 'directory') throw systemError('ENOTDIR', file)
    if (node.names.size > 0) throw systemError('ENOTEMPTY', file)
    folder.names.delete(name)
  }

  async chmod(file: string, mode: number): Promise<void> {
    const node = this.#find(file, true)
    if (node.type !== 'symlink') node.mode = mode
  }

  async utimes(file: string, _atimeMs: number, mtimeMs: number): Promise<void> {
    const node = this.#find(file, true)
    if (node.type === 'file') node.mtimeMs = mtimeMs
  }

  async readdir(file: string): Promise<readonly DirectoryEntry[]> {
    const node = this.#find(file, true)
    if (node.type !== 'directory') throw systemError('ENOTDIR', file)
    return [...node.names].map(([name, child]) => ({ name, type: child.type }))
  }

  async lstat(file: string): Promise<FileStats> {
    return statsOf(this.#find(file, false))
  }

  async stat(file: string): Promise<FileStats> {
    return statsOf(this.#find(file, true))
  }

  async readlink(file: string): Promise<string> {
    const node = this.#find(file, false)
    if (node.type !== 'symlink') throw systemError('EINVAL', file)
    return node.target
  }

  async realpath(file: string): Promise<string> {
    let at = '/'
    for (const part of path
      .resolve(file)
      .split('/')
      .filter((each) => each !== '')) {
      const next = path.join(at, part)
      const node = this.#find(next, false)
      at = node.type === 'symlink' ? await this.realpath(path.resolve(at, node.target)) : next
    }
    return at
  }

  async copyFile(from: string, to: string, options: CopyOptions): Promise<void> {
    const source = this.#file(from)
    if (options.clone === 'force') throw systemError('ENOTSUP', to)
    this.#add(to, {
      type: 'file',
      inode: this.#inode(),
      bytes: Buffer.from(source.bytes),
      durable: undefined,
      mode: source.mode,
      mtimeMs: this.#tick(),
    })
  }

  async statfs(): Promise<FileSystemSpace> {
    return { freeBytes: 2 ** 40, totalBytes: 2 ** 41, freeNames: 0, totalNames: 0 }
  }

  async syncDirectory(file: string): Promise<void> {
    const node = this.#find(file, true)
    if (node.type !== 'directory') throw systemError('ENOTDIR', file)
    node.durable = new Map(node.names)
  }
}

function survivorOf(node: Node, cut: PowerCut): Node {
  if (node.type === 'symlink') return node
  if (node.type === 'directory') return { ...node, names: new Map(), durable: new Map() }
  const bytes = cut === 'names-lost' ? node.bytes : (node.durable ?? Buffer.alloc(0))
  return { ...node, bytes: Buffer.from(bytes), durable: Buffer.from(bytes) }
}

function statsOf(node: Node): FileStats {
  const mtimeMs = node.type === 'file' ? node.mtimeMs : 0
  return {
    type: node.type,
    size: node.type === 'file' ? node.bytes.byteLength : 0,
    mode: node.type === 'symlink' ? 0o777 : node.mode,
    mtimeMs,
    ctimeMs: mtimeMs,
    inode: node.inode,
    device: 1,
    links: 1,
    uid: 0,
  }
}

interface HandleOptions {
  readonly isAppending: boolean
  now(): number
}

class MemoryHandle implements FileHandle {
  readonly fd = undefined
  readonly #node: FileNode
  readonly #how: HandleOptions
  #position = 0

  constructor(node: FileNode, how: HandleOptions) {
    this.#node = node
    this.#how = how
  }

  async read(position: number, into: Uint8Array): Promise<number> {
    const part = this.#node.bytes.subarray(position, position + into.byteLength)
    into.set(part)
    return part.byteLength
  }

  async write(bytes: Uint8Array, position?: number): Promise<void> {
    const node = this.#node
    const end = node.bytes.byteLength
    const at = this.#how.isAppending ? end : (position ?? this.#position)
    const grown = Buffer.alloc(Math.max(end, at + bytes.byteLength))
    grown.set(node.bytes)
    grown.set(bytes, at)
    node.bytes = grown
    node.mtimeMs = this.#how.now()
    if (position === undefined) this.#position = at + bytes.byteLength
  }

  async sync(): Promise<void> {
    this.#node.durable = Buffer.from(this.#node.bytes)
  }

  async truncate(length: number): Promise<void> {
    const cut = Buffer.alloc(length)
    cut.set(this.#node.bytes.subarray(0, length))
    this.#node.bytes = cut
  }

  async chmod(mode: number): Promise<void> {
    this.#node.mode = mode
  }

  async utimes(_atimeMs: number, mtimeMs: number): Promise<void> {
    this.#node.mtimeMs = mtimeMs
  }

  async stat(): Promise<FileStats> {
    return statsOf(this.#node)
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

function systemError(code: string, file: string): Error {
  return Object.assign(new Error(`${code}: ${file}`), { code, errno: -1 })
}
