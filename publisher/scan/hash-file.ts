import { type Hash, createHash } from 'node:crypto'
import type { Digest } from '../../protocol/index.ts'
import { publisherLimits } from '../limits.ts'
import { type TreeFile, type TreeReader, type TreeStat, sameStat } from './tree-reader.ts'

/** A file that was whole and quiet while it was hashed. */
export interface HashedFile {
  readonly stat: TreeStat
  readonly sha256: Digest
}

export interface HashOptions {
  readonly reader: TreeReader
  /** Scratch space of `smallFileBytesMax` + 1 bytes that every call may overwrite. */
  readonly scratch: Uint8Array
  readonly signal?: AbortSignal | undefined
  /** Called with the bytes of each chunk read. */
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/**
 * Hashes a file, again when it changed meanwhile; undefined when it never held still.
 * Small files are answered at once, without a turn of the event loop.
 * @throws the errors of the file system
 */
export function hashFile(
  path: string,
  options: HashOptions,
): HashedFile | undefined | Promise<HashedFile | undefined> {
  for (let attempt = 0; attempt < publisherLimits.readAttemptsMax; attempt++) {
    const file = options.reader.open(path)
    let keepOpen = false
    try {
      const before = file.stat()
      if (before.size > publisherLimits.smallFileBytesMax) {
        keepOpen = true
        return hashLarge(file, before, path, options)
      }
      const hashed = hashSmall(file, before, options)
      if (hashed !== undefined) return hashed
    } finally {
      if (!keepOpen) file.close()
    }
  }
  return undefined
}

function hashSmall(file: TreeFile, before: TreeStat, options: HashOptions): HashedFile | undefined {
  if (before.kind !== 'file') return undefined
  const { scratch } = options
  let size = 0
  for (;;) {
    // One byte beyond the size notices a file that has grown.
    const bytes = file.readNow(scratch.subarray(size, before.size + 1), size)
    size += bytes
    if (bytes === 0 || size > before.size) break
  }
  if (size !== before.size || !sameStat(before, file.stat())) return undefined
  options.onBytes?.(size)
  const sha256 = createHash('sha256').update(scratch.subarray(0, size)).digest('hex') as Digest
  return { stat: before, sha256 }
}

async function hashLarge(
  first: TreeFile,
  firstStat: TreeStat,
  path: string,
  options: HashOptions,
): Promise<HashedFile | undefined> {
  let file = first
  let before = firstStat
  for (let attempt = 1; ; attempt++) {
    try {
      const hash = createHash('sha256')
      const size = await hashChunks(file, hash, options)
      if (before.kind === 'file' && size === before.size && sameStat(before, file.stat())) {
        return { stat: before, sha256: hash.digest('hex') as Digest }
      }
    } finally {
      file.close()
    }
    if (attempt >= publisherLimits.readAttemptsMax) return undefined
    file = options.reader.open(path)
    before = file.stat()
  }
}

/** Reads ahead by one buffer, so that the disk works while the hash is computed. */
async function hashChunks(file: TreeFile, hash: Hash, options: HashOptions): Promise<number> {
  let current = Buffer.allocUnsafe(publisherLimits.readChunkBytes)
  let ahead = Buffer.allocUnsafe(publisherLimits.readChunkBytes)
  let position = 0
  let bytes = await file.read(current, 0)
  while (bytes > 0) {
    options.signal?.throwIfAborted()
    position += bytes
    const next = file.read(ahead, position)
    hash.update(current.subarray(0, bytes))
    options.onBytes?.(bytes)
    bytes = await next
    ;[current, ahead] = [ahead, current]
  }
  return position
}
