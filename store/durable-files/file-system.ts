/** What kind of thing a name stands for. */
export type FileType = 'file' | 'directory' | 'symlink' | 'other'

/** The facts of a file that Longwave uses. Times are milliseconds with fractions. */
export interface FileStats {
  readonly type: FileType
  /** Bytes. */
  readonly size: number
  /** Permission bits, with setuid, setgid and sticky; without the type. */
  readonly mode: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  readonly inode: number
  readonly device: number
  /** Names of the inode. */
  readonly links: number
  readonly uid: number
}

export interface DirectoryEntry {
  readonly name: string
  readonly type: FileType
  /** Given only when the name is not UTF-8; `name` is then an approximation. */
  readonly nameBytes?: Uint8Array
}

/** Free space and names of a file system; names are 0 where they have no limit. */
export interface FileSystemSpace {
  readonly freeBytes: number
  readonly totalBytes: number
  readonly freeNames: number
  readonly totalNames: number
}

/**
 * How to open: as `open(2)` says it. `r` reads; `r+` reads and writes what exists; `w` empties or
 * creates; `wx` creates and fails when the name exists; `a` appends. Numbers are O_ flags.
 */
export type OpenFlags = 'r' | 'r+' | 'w' | 'wx' | 'wx+' | 'a' | number

export interface FileHandle extends AsyncDisposable {
  /** The descriptor, where there is a real one. */
  readonly fd: number | undefined
  /** Fills `into` from `position` and returns the bytes read: fewer only at the end of the file. */
  read(position: number, into: Uint8Array): Promise<number>
  /** Writes all bytes or fails; without a position where the last write ended. */
  write(bytes: Uint8Array, position?: number): Promise<void>
  /** Makes contents and size durable. After a failure the file must be given up, never retried. */
  sync(): Promise<void>
  truncate(length: number): Promise<void>
  chmod(mode: number): Promise<void>
  utimes(atimeMs: number, mtimeMs: number): Promise<void>
  stat(): Promise<FileStats>
  /** Closing twice is harmless. */
  close(): Promise<void>
}

export interface CopyOptions {
  /** `try` shares blocks where the file system can, `force` fails where it cannot. */
  readonly clone: 'try' | 'force'
}

/**
 * The file system that transactional code uses; every mutating call is one crash point.
 * Failures are the operating system's errors, with their `code`.
 */
export interface FileSystem {
  mkdir(path: string, options?: { readonly mode?: number }): Promise<void>
  open(path: string, flags: OpenFlags, mode?: number): Promise<FileHandle>
  readFile(path: string): Promise<Buffer>
  rename(from: string, to: string): Promise<void>
  link(existing: string, path: string): Promise<void>
  symlink(target: string, path: string): Promise<void>
  unlink(path: string): Promise<void>
  rmdir(path: string): Promise<void>
  chmod(path: string, mode: number): Promise<void>
  utimes(path: string, atimeMs: number, mtimeMs: number): Promise<void>
  readdir(path: string): Promise<readonly DirectoryEntry[]>
  lstat(path: string): Promise<FileStats>
  stat(path: string): Promise<FileStats>
  readlink(path: string): Promise<string>
  realpath(path: string): Promise<string>
  /** Fails when `to` exists. */
  copyFile(from: string, to: string, options: CopyOptions): Promise<void>
  statfs(path: string): Promise<FileSystemSpace>
  /** Makes the names in a directory durable; nothing where the system cannot (Windows). */
  syncDirectory(path: string): Promise<void>
}
