import { createHash } from 'node:crypto'
import type { Digest } from '../../protocol/index.ts'
import { publishError } from '../errors.ts'
import { publisherLimits } from '../limits.ts'
import type { CacheRecord } from './stat-cache.ts'
import { type TreeReader, sameStat } from './tree-reader.ts'

/** One file of the tree, held open, that is as it was when it was scanned. */
export interface ScannedFile {
  readonly size: number
  read(position: number, into: Uint8Array): Promise<number>
  /** @throws LW_PUBLISH_FILE_CHANGING when the file is no longer as it was scanned. */
  checkUnchanged(): void
  close(): void
}

/** Reads objects of a scanned tree by their digest. */
export interface ScannedSource {
  has(sha256: Digest): boolean
  /** Absolute path of a file with this content. */
  pathOf(sha256: Digest): string
  /** @throws LW_PUBLISH_FILE_CHANGING */
  open(sha256: Digest): ScannedFile
  /** The whole of a small object, with its hash checked again. @throws LW_PUBLISH_FILE_CHANGING */
  readWhole(sha256: Digest): Promise<Uint8Array>
  /**
   * Streams bytes `start` to the end or to `end`. The file must still be the scanned one when the
   * last chunk goes out, so that a reader never takes a changed file for a finished one.
   * @throws LW_PUBLISH_FILE_CHANGING
   */
  stream(sha256: Digest, start?: number, end?: number): AsyncGenerator<Uint8Array, void>
}

export function createScannedSource(
  base: string,
  reader: TreeReader,
  records: readonly CacheRecord[],
): ScannedSource {
  const byDigest = new Map<Digest, CacheRecord>()
  for (const record of records) {
    if (!byDigest.has(record.sha256)) byDigest.set(record.sha256, record)
  }
  const recordOf = (sha256: Digest): CacheRecord => {
    const record = byDigest.get(sha256)
    if (record === undefined) throw new TypeError(`the scan has no object ${sha256}`)
    return record
  }
  const pathOf = (sha256: Digest) => `${base}/${recordOf(sha256).path}`
  const open = (sha256: Digest) => openScanned(recordOf(sha256), pathOf(sha256), reader)
  return {
    has: (sha256) => byDigest.has(sha256),
    pathOf,
    open,
    readWhole: async (sha256) => readWhole(open(sha256), recordOf(sha256)),
    stream: (sha256, start, end) => streamFile(() => open(sha256), start ?? 0, end),
  }
}

function changed(path: string, cause?: unknown): Error {
  return publishError('LW_PUBLISH_FILE_CHANGING', {
    detail: `${JSON.stringify(path)} is no longer as it was scanned.`,
    untouched: 'Nothing was published; what was sent already is kept for the next attempt.',
    next: 'Publish again when nothing writes to the directory.',
    cause,
  })
}

function openScanned(record: CacheRecord, path: string, reader: TreeReader): ScannedFile {
  let file: ReturnType<TreeReader['open']>
  try {
    file = reader.open(path)
  } catch (cause) {
    throw changed(record.path, cause)
  }
  const checkUnchanged = () => {
    if (!sameStat(file.stat(), record.stat)) throw changed(record.path)
  }
  try {
    checkUnchanged()
  } catch (error) {
    file.close()
    throw error
  }
  return {
    size: record.stat.size,
    read: (position, into) => file.read(into, position),
    checkUnchanged,
    close: () => file.close(),
  }
}

async function readWhole(file: ScannedFile, record: CacheRecord): Promise<Uint8Array> {
  try {
    const bytes = Buffer.allocUnsafe(file.size)
    let size = 0
    while (size < bytes.byteLength) {
      const count = await file.read(size, bytes.subarray(size))
      if (count === 0) break
      size += count
    }
    const sha256 = createHash('sha256').update(bytes.subarray(0, size)).digest('hex')
    if (sha256 !== record.sha256) throw changed(record.path)
    return bytes
  } finally {
    file.close()
  }
}

async function* streamFile(
  openFile: () => ScannedFile,
  start: number,
  upTo: number | undefined,
): AsyncGenerator<Uint8Array, void> {
  const file = openFile()
  const end = upTo ?? file.size
  try {
    for (let position = start; position < end; ) {
      const chunk = Buffer.allocUnsafe(Math.min(publisherLimits.readChunkBytes, end - position))
      const bytes = await file.read(position, chunk)
      position += bytes
      if (bytes === 0 || position >= end) file.checkUnchanged()
      // A file that ends early without a changed stat: its file system lies.
      if (bytes === 0) throw new TypeError('a file ended before its size')
      yield chunk.subarray(0, bytes)
    }
  } finally {
    file.close()
  }
}
