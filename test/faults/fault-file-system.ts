import type {
  FileHandle,
  FileStats,
  FileSystem,
  OpenFlags,
} from '../../store/durable-files/index.ts'

/**
 * What happens at one mutating operation: the process ends before or after it, or the system
 * refuses it. `short-write` leaves half of a write behind and then fails; for other operations it
 * is the same as `enospc`. `eintr` and `eagain` are what a system says that was disturbed.
 */
export type FaultMode =
  | 'kill-before'
  | 'kill-after'
  | 'eio'
  | 'enospc'
  | 'short-write'
  | 'eintr'
  | 'eagain'

export const faultModes: readonly FaultMode[] = [
  'kill-before',
  'kill-after',
  'eio',
  'enospc',
  'short-write',
]

/** Those that pass by themselves (R5). */
export const passingModes: readonly FaultMode[] = ['eintr', 'eagain']

/** Thrown by every operation once the process counts as dead. */
export class Killed extends Error {
  constructor() {
    super('the process was killed')
    this.name = 'Killed'
  }
}

export interface MutatingOperation {
  readonly name: string
  readonly path: string
}

export interface FaultPlan {
  /** 1 for the first mutating operation. */
  readonly at: number
  readonly mode: FaultMode
}

/**
 * A file system that counts mutating operations and fails at one of them. `sync` and
 * `syncDirectory` count: they change what survives. Reading, and opening for reading, does not.
 */
export class FaultFileSystem implements FileSystem {
  readonly operations: MutatingOperation[] = []
  readonly #inner: FileSystem
  readonly #plan: FaultPlan | undefined
  readonly #handles = new Set<FileHandle>()
  #isKilled = false

  constructor(inner: FileSystem, plan?: FaultPlan) {
    this.#inner = inner
    this.#plan = plan
  }

  /** Whether the process counts as dead. */
  get isKilled(): boolean {
    return this.#isKilled
  }

  /** Whether the planned fault has happened. */
  get hasFired(): boolean {
    return this.#plan !== undefined && this.operations.length >= this.#plan.at
  }

  /** Closes what the dead process left open, as its end would have. */
  async closeAll(): Promise<void> {
    for (const handle of this.#handles) await handle.close()
    this.#handles.clear()
  }

  async reading<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isKilled) throw new Killed()
    return work()
  }

  /** Runs one mutating operation, or its fault. */
  async mutating<T>(
    operation: MutatingOperation,
    work: () => Promise<T>,
    half?: () => Promise<unknown>,
  ): Promise<T> {
    if (this.#isKilled) throw new Killed()
    this.operations.push(operation)
    const mode = this.operations.length === this.#plan?.at ? this.#plan.mode : undefined
    switch (mode) {
      case undefined:
        return work()
      case 'kill-before':
        this.#isKilled = true
        throw new Killed()
      case 'kill-after':
        // The operation reaches the disk, but nobody is told.
        this.#isKilled = true
        await work()
        throw new Killed()
      case 'eio':
        throw systemError('EIO', operation)
      case 'enospc':
        throw systemError('ENOSPC', operation)
      case 'eintr':
        throw systemError('EINTR', operation)
      case 'eagain':
        throw systemError('EAGAIN', operation)
      case 'short-write':
        await half?.()
        throw systemError('ENOSPC', operation)
    }
  }

  mkdir(path: string, options?: { readonly mode?: number }): Promise<void> {
    return this.mutating({ name: 'mkdir', path }, () => this.#inner.mkdir(path, options))
  }

  async open(path: string, flags: OpenFlags, mode?: number): Promise<FileHandle> {
    const work = async (): Promise<FileHandle> => {
      const handle = await this.#inner.open(path, flags, mode)
      this.#handles.add(handle)
      return handle
    }
    const inner = isReadingFlags(flags)
      ? await this.reading(work)
      : await this.mutating({ name: 'open', path }, work)
    return new FaultHandle(this, { inner, path, onClose: () => this.#handles.delete(inner) })
  }

  readFile(path: string): Promise<Buffer> {
    return this.reading(() => this.#inner.readFile(path))
  }

  rename(from: string, to: string): Promise<void> {
    return this.mutating({ name: 'rename', path: to }, () => this.#inner.rename(from, to))
  }

  link(existing: string, path: string): Promise<void> {
    return this.mutating({ name: 'link', path }, () => this.#inner.link(existing, path))
  }

  symlink(target: string, path: string): Promise<void> {
    return this.mutating({ name: 'symlink', path }, () => this.#inner.symlink(target, path))
  }

  unlink(path: string): Promise<void> {
    return this.mutating({ name: 'unlink', path }, () => this.#inner.unlink(path))
  }

  rmdir(path: string): Promise<void> {
    return this.mutating({ name: 'rmdir', path }, () => this.#inner.rmdir(path))
  }

  chmod(path: string, mode: number): Promise<void> {
    return this.mutating({ name: 'chmod', path }, () => this.#inner.chmod(path, mode))
  }

  utimes(path: string, atimeMs: number, mtimeMs: number): Promise<void> {
    return this.mutating({ name: 'utimes', path }, () => this.#inner.utimes(path, atimeMs, mtimeMs))
  }

  readdir(path: string): ReturnType<FileSystem['readdir']> {
    return this.reading(() => this.#inner.readdir(path))
  }

  lstat(path: string): Promise<FileStats> {
    return this.reading(() => this.#inner.lstat(path))
  }

  stat(path: string): Promise<FileStats> {
    return this.reading(() => this.#inner.stat(path))
  }

  readlink(path: string): Promise<string> {
    return this.reading(() => this.#inner.readlink(path))
  }

  realpath(path: string): Promise<string> {
    return this.reading(() => this.#inner.realpath(path))
  }

  copyFile(...[from, to, options]: Parameters<FileSystem['copyFile']>): Promise<void> {
    return this.mutating({ name: 'copyFile', path: to }, () =>
      this.#inner.copyFile(from, to, options),
    )
  }

  statfs(path: string): ReturnType<FileSystem['statfs']> {
    return this.reading(() => this.#inner.statfs(path))
  }

  syncDirectory(path: string): Promise<void> {
    return this.mutating({ name: 'syncDirectory', path }, () => this.#inner.syncDirectory(path))
  }
}

class FaultHandle implements FileHandle {
  readonly #faults: FaultFileSystem
  readonly #inner: FileHandle
  readonly #path: string
  readonly #onClose: () => void

  constructor(
    faults: FaultFileSystem,
    opened: { readonly inner: FileHandle; readonly path: string; onClose(): void },
  ) {
    this.#faults = faults
    this.#inner = opened.inner
    this.#path = opened.path
    this.#onClose = () => opened.onClose()
  }

  get fd(): number | undefined {
    return this.#inner.fd
  }

  read(position: number, into: Uint8Array): Promise<number> {
    return this.#faults.reading(() => this.#inner.read(position, into))
  }

  write(bytes: Uint8Array, position?: number): Promise<void> {
    const half = bytes.subarray(0, bytes.byteLength >> 1)
    return this.#faults.mutating(
      { name: 'write', path: this.#path },
      () => this.#inner.write(bytes, position),
      () => this.#inner.write(half, position),
    )
  }

  sync(): Promise<void> {
    return this.#faults.mutating({ name: 'sync', path: this.#path }, () => this.#inner.sync())
  }

  truncate(length: number): Promise<void> {
    return this.#faults.mutating({ name: 'truncate', path: this.#path }, () =>
      this.#inner.truncate(length),
    )
  }

  chmod(mode: number): Promise<void> {
    return this.#faults.mutating({ name: 'fchmod', path: this.#path }, () =>
      this.#inner.chmod(mode),
    )
  }

  utimes(atimeMs: number, mtimeMs: number): Promise<void> {
    return this.#faults.mutating({ name: 'futimes', path: this.#path }, () =>
      this.#inner.utimes(atimeMs, mtimeMs),
    )
  }

  stat(): Promise<FileStats> {
    return this.#faults.reading(() => this.#inner.stat())
  }

  /** Works in a dead process, too: its end closes everything. */
  async close(): Promise<void> {
    this.#onClose()
    await this.#inner.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function isReadingFlags(flags: OpenFlags): boolean {
  // Opening what exists without emptying it changes nothing: O_CREAT is 0o100, O_TRUNC 0o1000.
  return typeof flags === 'number' ? (flags & 0o1100) === 0 : flags === 'r' || flags === 'r+'
}

const numbers = { EINTR: -4, EIO: -5, EAGAIN: -11, ENOSPC: -28 } as const

function systemError(code: keyof typeof numbers, operation: MutatingOperation): Error {
  const errno = numbers[code]
  const error = new Error(`${code}: injected, ${operation.name}`)
  return Object.assign(error, { code, errno, syscall: operation.name })
}
