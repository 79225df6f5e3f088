import { type Hash, createHash } from 'node:crypto'
import { storeError } from '../errors.ts'
import {
  type FileHandle,
  type FileSystem,
  isErrno,
  orFileFailure,
  removeIfPresent,
} from '../durable-files/index.ts'
import { checkArrival, copyHashed, readChunks } from './hashed-copy.ts'
import type { ObjectIntake } from './object-intake.ts'
import type { ObjectPaths } from './object-paths.ts'
import type { PartialObject, ReceiveOutcome, StoredObject } from './object-store.ts'

/** What partial files need of their store. */
export interface PartialContext {
  readonly fs: FileSystem
  readonly paths: ObjectPaths
  readonly intake: ObjectIntake
  /** Keys in use by this process. */
  readonly open: Set<string>
  has(object: StoredObject): Promise<boolean>
}

export async function openPartialFile(
  context: PartialContext,
  key: string,
): Promise<PartialObject> {
  const { fs, paths, intake, open } = context
  const file = paths.partialFile(key)
  if (open.has(key)) {
    throw storeError('LW_STORE_LOCKED', { detail: 'Another request brings this object.' })
  }
  open.add(key)
  try {
    await intake.ensureFolder(paths.partial)
    const handle = await orFileFailure(openOrCreate(fs, file), 'a partial object was being opened')
    const { size } = await handle.stat()
    return new PartialFile(context, { key, file, handle, size })
  } catch (error) {
    open.delete(key)
    throw error
  }
}

async function openOrCreate(fs: FileSystem, file: string): Promise<FileHandle> {
  try {
    return await fs.open(file, 'r+')
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error
    return fs.open(file, 'wx+', 0o600)
  }
}

class PartialFile implements PartialObject {
  readonly #context: PartialContext
  readonly #key: string
  readonly #file: string
  readonly #handle: FileHandle
  /** Kept while all bytes came through this object; otherwise they are read again at the end. */
  #hash: Hash | undefined
  #bytes: number

  constructor(
    context: PartialContext,
    opened: {
      readonly key: string
      readonly file: string
      readonly handle: FileHandle
      readonly size: number
    },
  ) {
    this.#context = context
    this.#key = opened.key
    this.#file = opened.file
    this.#handle = opened.handle
    this.#bytes = opened.size
    this.#hash = opened.size === 0 ? createHash('sha256') : undefined
  }

  get bytes(): number {
    return this.#bytes
  }

  async append(
    offset: number,
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): Promise<void> {
    if (offset !== this.#bytes) {
      throw storeError('LW_STORE_PARTIAL', {
        detail: `${this.#bytes} bytes are held; the bytes begin at ${offset}.`,
        members: { bytes: this.#bytes },
      })
    }
    for await (const chunk of source) {
      try {
        await copyHashed({
          source: [chunk],
          into: this.#handle,
          position: this.#bytes,
          bytesMax: chunk.byteLength,
          hash: this.#hash,
        })
      } catch (error) {
        // The hash has seen bytes that the file may lack.
        this.#hash = undefined
        throw error
      }
      this.#bytes += chunk.byteLength
    }
  }

  async finish(expected: StoredObject): Promise<ReceiveOutcome> {
    const { intake } = this.#context
    try {
      // Compared first: that the store has the object proves nothing of who sent these bytes.
      const hash = this.#hash ?? (await this.#hashAgain())
      checkArrival(expected, this.#bytes, hash)
      if (await this.#context.has(expected)) {
        await this.discard()
        return 'present'
      }
      await orFileFailure(this.#handle.chmod(0o444), 'a partial object was being finished')
      const written = { ...expected, temporary: this.#file, handle: this.#handle }
      await intake.sync(written)
      await intake.store([written])
      await this.close()
      return 'stored'
    } catch (error) {
      await this.discard().catch(() => undefined)
      throw error
    }
  }

  async #hashAgain(): Promise<Hash> {
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of readChunks(this.#handle)) {
      hash.update(chunk)
      bytes += chunk.byteLength
    }
    this.#bytes = bytes
    return hash
  }

  async discard(): Promise<void> {
    await this.close()
    await removeIfPresent(this.#context.fs, this.#file)
  }

  async close(): Promise<void> {
    await this.#handle.close()
    this.#context.open.delete(this.#key)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
