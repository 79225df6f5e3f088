import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import path from 'node:path'
import { digestOf } from '../../protocol/index.ts'

/** Bytes of a path that every system takes for a local socket. */
const pathBytesMax = 100

export interface SocketPath {
  /** What to listen at or connect to. */
  readonly address: string
  /** The file, where there is one. */
  readonly file: string | undefined
  close(): Promise<void>
}

/** `HOME/tuner/control.sock`, reached through a descriptor of its folder when that is too long. */
export async function openSocketPath(directory: string): Promise<SocketPath> {
  const file = path.join(directory, 'control.sock')
  if (process.platform === 'win32') {
    const address = `\\\\.\\pipe\\longwave-${digestOf(directory).slice(0, 32)}`
    return { address, file: undefined, close: async () => undefined }
  }
  if (Buffer.byteLength(file) <= pathBytesMax || process.platform !== 'linux') {
    return { address: file, file, close: async () => undefined }
  }
  const folder: FileHandle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  return {
    address: `/proc/self/fd/${folder.fd}/control.sock`,
    file,
    close: () => folder.close(),
  }
}
