import { type Hash, createHash } from 'node:crypto'
import { type Digest, digestFromBytes } from '../../protocol/index.ts'
import { storeError } from '../errors.ts'
import { type FileHandle, type FileSystem, orFileFailure } from '../durable-files/index.ts'
import { limits } from '../limits.ts'
import type { ObjectSource, StoredObject } from './object-store.ts'

export interface CopyRequest {
  readonly source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  readonly into: FileHandle
  /** Where in the file the bytes begin. */
  readonly position: number
  /** More than this is refused before it is written. */
  readonly bytesMax: number
  readonly hash?: Hash | undefined
  readonly signal?: AbortSignal | undefined
}

/** Writes a source into a file, hashing while the write is under way; returns the bytes copied. */
export async function copyHashed(request: CopyRequest): Promise<number> {
  const { into, hash, signal } = request
  let done = 0
  for await (const chunk of request.source) {
    signal?.throwIfAborted()
    if (chunk.byteLength > request.bytesMax - done) {
      throw storeError('LW_STORE_DIGEST_MISMATCH', {
        detail: `It was announced with ${request.bytesMax} bytes and has more.`,
      })
    }
    const writing = into.write(chunk, request.position + done)
    hash?.update(chunk)
    await orFileFailure(writing, 'an object was being written')
    done += chunk.byteLength
  }
  return done
}

/** @throws LW_STORE_DIGEST_MISMATCH when the bytes are not those announced */
export function checkArrival(expected: StoredObject, bytes: number, hash: Hash): void {
  if (bytes !== expected.size) {
    throw storeError('LW_STORE_DIGEST_MISMATCH', {
      detail: `Object ${expected.digest} was announced with ${expected.size} bytes and has ${bytes}.`,
    })
  }
  const digest = digestFromBytes(hash.digest())
  if (digest !== expected.digest) {
    throw storeError('LW_STORE_DIGEST_MISMATCH', {
      detail: `Object ${expected.digest} was announced; the bytes have ${digest}.`,
    })
  }
}

/** The bytes of a source, whatever its kind. */
export async function* bytesOf(fs: FileSystem, source: ObjectSource): AsyncGenerator<Uint8Array> {
  if (!('fromPath' in source)) {
    yield* source
    return
  }
  const handle = await orFileFailure(fs.open(source.fromPath, 'r'), 'a file was being opened')
  try {
    yield* readChunks(handle)
  } finally {
    await handle.close()
  }
}

/** A file's bytes from the start; each chunk is valid until the one after the next. */
export async function* readChunks(handle: FileHandle): AsyncGenerator<Uint8Array> {
  const buffers = [new Uint8Array(limits.chunkBytes), new Uint8Array(limits.chunkBytes)] as const
  let position = 0
  for (let turn = 0; ; turn = 1 - turn) {
    const buffer = turn === 0 ? buffers[0] : buffers[1]
    const count = await orFileFailure(handle.read(position, buffer), 'a file was being read')
    if (count > 0) yield buffer.subarray(0, count)
    if (count < buffer.byteLength) return
    position += count
  }
}

/** The digest of an open file. */
export async function digestOfFile(
  handle: FileHandle,
  signal?: AbortSignal,
): Promise<{ readonly digest: Digest; readonly size: number }> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of readChunks(handle)) {
    signal?.throwIfAborted()
    hash.update(chunk)
    size += chunk.byteLength
  }
  return { digest: digestFromBytes(hash.digest()), size }
}
