import { createHash } from 'node:crypto'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress } from 'node:zlib'
import type { Digest } from '../../protocol/index.ts'
import {
  type FileSystem,
  type Randomness,
  cleaningUp,
  isErrno,
  orFileFailure,
  temporaryName,
} from '../durable-files/index.ts'
import { copyHashed, readChunks } from './hashed-copy.ts'

export interface VariantWrite {
  readonly fs: FileSystem
  readonly incoming: string
  readonly file: string
  readonly randomness: Randomness
  readonly source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** Writes another form of an object: whole or not at all, but it may be lost. */
export async function writeVariant({ fs, ...write }: VariantWrite): Promise<void> {
  const temporary = path.join(write.incoming, temporaryName(write.randomness))
  await cleaningUp(fs, temporary, async () => {
    const into = await orFileFailure(fs.open(temporary, 'wx', 0o600), 'a file was being created')
    try {
      await copyHashed({
        source: write.source,
        into,
        position: 0,
        bytesMax: Number.MAX_SAFE_INTEGER,
      })
      await orFileFailure(into.chmod(0o444), 'a file was being written')
      await orFileFailure(into.sync(), 'a file was being made durable')
    } finally {
      await into.close()
    }
    await orFileFailure(fs.rename(temporary, write.file), 'a file was being named')
  })
}

/** Whether a Brotli form decodes to its object; true when there is none. */
export async function isSoundVariant(
  fs: FileSystem,
  file: string,
  digest: Digest,
): Promise<boolean> {
  let handle: Awaited<ReturnType<FileSystem['open']>>
  try {
    handle = await fs.open(file, 'r')
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return true
    throw error
  }
  const hash = createHash('sha256')
  try {
    await pipeline(Readable.from(copies(readChunks(handle))), createBrotliDecompress(), hash)
    return hash.digest('hex') === digest
  } catch (error) {
    // The decoder's own errors; those of reading come with another code.
    if (isErrno(error) && /^(ERR_|Z_)/.test(String((error as NodeJS.ErrnoException).code))) {
      return false
    }
    throw error
  } finally {
    await handle.close()
  }
}

/** The chunks' buffers are used again, and a stream keeps several. */
async function* copies(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield Uint8Array.from(chunk)
}
