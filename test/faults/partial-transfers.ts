import { type FileHandle, open } from 'node:fs/promises'

type Transfer = (bytes: Uint8Array, offset: number, length: number, at: number | null) => unknown

/**
 * Lets every read and write of the process move only a part of what was asked for, as the system may
 * (R5), while the work runs.
 */
export async function withPartialTransfers<Result>(work: () => Promise<Result>): Promise<Result> {
  await using probe = await open('/dev/null')
  const prototype = Object.getPrototypeOf(probe) as Pick<FileHandle, 'read' | 'write'>
  const { read, write } = prototype
  const partial = (whole: unknown) =>
    function transfer(this: FileHandle, ...given: Parameters<Transfer>): unknown {
      const [bytes, offset, length, at] = given
      return (whole as Transfer).call(this, bytes, offset, Math.ceil(length / 3), at)
    }
  Object.assign(prototype, { read: partial(read), write: partial(write) })
  try {
    return await work()
  } finally {
    Object.assign(prototype, { read, write })
  }
}
