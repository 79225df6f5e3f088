import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import path from 'node:path'
import { digestOf } from '../../protocol/index.ts'

/** Bytes of a path that every system takes for a local socket. */
const pathBytesMax = 100

/** Where a local socket is, for as long as it is open. */
export interface LocalSocket {
  /** What to listen at or connect to. */
  readonly address: string
  /** The file, where there is one. */
  readonly file: string | undefined
  close(): Promise<void>
}

/** A socket in a folder, reached through a descriptor of the folder when its path is too long. */
export async function openLocalSocket(directory: string, name: string): Promise<LocalSocket> {
  const file = path.join(directory, name)
  if (process.platform === 'win32') {
    const address = `\\\\.\\pipe\\longwave-${digestOf(file).slice(0, 32)}`
    return { address, file: undefined, close: async () => undefined }
  }
  if (Buffer.byteLength(file) <= pathBytesMax || process.platform !== 'linux') {
    return { address: file, file, close: async () => undefined }
  }
  const folder: FileHandle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  return {
    address: `/proc/self/fd/${folder.fd}/${name}`,
    file,
    close: () => folder.close(),
  }
}
