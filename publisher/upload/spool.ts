import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { publisherLimits } from '../limits.ts'

/** Bytes that were made before it is known whether they are wanted. */
export interface Spooled {
  readonly bytes: number
  content(): AsyncGenerator<Uint8Array, void, undefined>
  dispose(): Promise<void>
}

/**
 * Keeps what a source makes, in memory while it is small and else in a temporary file; gives up
 * and returns undefined when it grows beyond `bytesMax`.
 */
export async function spool(
  source: AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<Spooled | undefined> {
  const memory: Uint8Array[] = []
  let file: TemporaryFile | undefined
  let bytes = 0
  try {
    for await (const piece of source) {
      bytes += piece.byteLength
      if (bytes > bytesMax) {
        await file?.dispose()
        return undefined
      }
      if (file === undefined) memory.push(piece)
      else await file.append(piece)
      if (file === undefined && bytes > publisherLimits.deltaMemoryBytesMax) {
        file = await TemporaryFile.create()
        await file.append(Buffer.concat(memory.splice(0)))
      }
    }
  } catch (error) {
    await file?.dispose()
    throw error
  }
  const kept = file
  return {
    bytes,
    async *content() {
      if (kept === undefined) yield* memory
      else yield* kept.read()
    },
    dispose: async () => kept?.dispose(),
  }
}

class TemporaryFile {
  readonly #folder: string
  readonly #handle: FileHandle
  #bytes = 0

  static async create(): Promise<TemporaryFile> {
    const folder = await mkdtemp(path.join(tmpdir(), 'longwave-delta-'))
    const name = randomBytes(8).toString('hex')
    return new TemporaryFile(folder, await open(path.join(folder, name), 'wx+', 0o600))
  }

  private constructor(folder: string, handle: FileHandle) {
    this.#folder = folder
    this.#handle = handle
  }

  async append(piece: Uint8Array): Promise<void> {
    await this.#handle.writeFile(piece)
    this.#bytes += piece.byteLength
  }

  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let position = 0; position < this.#bytes; ) {
      const chunk = Buffer.allocUnsafe(
        Math.min(publisherLimits.readChunkBytes, this.#bytes - position),
      )
      const { bytesRead } = await this.#handle.read(chunk, 0, chunk.byteLength, position)
      if (bytesRead === 0) throw new TypeError('a temporary file became shorter')
      position += bytesRead
      yield chunk.subarray(0, bytesRead)
    }
  }

  async dispose(): Promise<void> {
    await this.#handle.close()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
