import path from 'node:path'
import { isErrno, storeError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { FileSystem } from './file-system.ts'
import { type Randomness, nodeRandomness, temporaryName } from './randomness.ts'

export interface WriteOptions {
  /** Permissions, whatever the umask is. */
  readonly mode?: number
  readonly randomness?: Randomness
}

/**
 * Replaces a file so that a crash at any instruction leaves the old bytes or the new ones: a new
 * file in the same folder, fsync, rename, fsync of the folder. On failure the temporary file is
 * removed and the old file stands. Failures are the operating system's errors.
 */
export async function writeFileDurably(
  fs: FileSystem,
  file: string,
  bytes: Uint8Array | string,
  options: WriteOptions = {},
): Promise<void> {
  const folder = path.dirname(file)
  const temporary = path.join(folder, temporaryName(options.randomness ?? nodeRandomness))
  await cleaningUp(fs, temporary, async () => {
    await writeNewFile(fs, temporary, bytes, options.mode ?? 0o644)
    await fs.rename(temporary, file)
  })
  await fs.syncDirectory(folder)
}

/** Creates a file that must not exist and makes its contents durable, but not yet its name. */
export async function writeNewFile(
  fs: FileSystem,
  file: string,
  bytes: Uint8Array | string,
  mode: number,
): Promise<void> {
  // Born private: nobody reads it before the wanted mode is set.
  const handle = await fs.open(file, 'wx', 0o600)
  try {
    await handle.write(typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
    await handle.chmod(mode)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Points a symbolic link elsewhere in one step, durably; the link may be new. */
export async function replaceSymlink(
  fs: FileSystem,
  link: string,
  target: string,
  randomness: Randomness = nodeRandomness,
): Promise<void> {
  const folder = path.dirname(link)
  const temporary = path.join(folder, temporaryName(randomness))
  await cleaningUp(fs, temporary, async () => {
    await fs.symlink(target, temporary)
    await fs.rename(temporary, link)
  })
  await fs.syncDirectory(folder)
}

/** Runs work and removes the temporary file when it fails, without hiding the failure. */
export async function cleaningUp<T>(
  fs: FileSystem,
  temporary: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await removeIfPresent(fs, temporary).catch(() => undefined)
    throw error
  }
}

/** Removes a file or link; returns whether it was there. */
export async function removeIfPresent(fs: FileSystem, file: string): Promise<boolean> {
  try {
    await fs.unlink(file)
    return true
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false
    throw error
  }
}

/**
 * The whole file, or undefined when there is none.
 * @throws LW_STORE_LIMIT when it is larger than `bytesMax`; LW_STORE_NOT_A_FILE
 */
export async function readFileIfPresent(
  fs: FileSystem,
  file: string,
  options: { readonly bytesMax?: number } = {},
): Promise<Buffer | undefined> {
  const bytesMax = options.bytesMax ?? limits.wholeFileBytesMax
  let handle: Awaited<ReturnType<FileSystem['open']>>
  try {
    handle = await fs.open(file, 'r')
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined
    // Links that lead in a circle, sockets: nothing that could be read.
    if (isErrno(error, 'ELOOP', 'ENXIO', 'EISDIR')) throw notAFile(file, error)
    throw error
  }
  try {
    const { size, type } = await handle.stat()
    if (type !== 'file') throw notAFile(file)
    if (size > bytesMax) {
      throw storeError('LW_STORE_LIMIT', {
        detail: `A file of ${size} bytes was to be read whole; the limit is ${bytesMax}.`,
      })
    }
    // One byte more shows a file that grew.
    const bytes = Buffer.allocUnsafe(size + 1)
    const count = await handle.read(0, bytes)
    if (count > size)
      throw storeError('LW_STORE_IO', { detail: 'The file grew while it was read.' })
    return bytes.subarray(0, count)
  } finally {
    await handle.close()
  }
}

function notAFile(file: string, cause?: unknown): Error {
  return storeError('LW_STORE_NOT_A_FILE', { detail: `It is ${path.basename(file)}.`, cause })
}
