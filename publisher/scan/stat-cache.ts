import xxhash from 'xxhash-wasm'
import { type Digest, digestFromBytes } from '../../protocol/index.ts'
import { publisherLimits } from '../limits.ts'
import type { TreeStat } from './tree-reader.ts'

// A cache file: magic, count (u32), bytes of all paths (u32), the paths with NUL between them,
// one record of 64 bytes for each (size, mtime, ctime, inode as u64, SHA-256), and the XXH64 of
// everything before it: a hint against bit rot, no identity. Private to one machine, so it is little-endian and may change at any time.
const magic = Buffer.from('LWSCAN1\n')
const headBytes = magic.byteLength + 8
const recordBytes = 64
const sumBytes = 8

const { h64Raw } = await xxhash()

/** What an earlier scan found, so that unchanged files need not be read again. */
export interface StatCache {
  readonly size: number
  /** The digest of a file whose stat is as it was; undefined when it must be read. */
  find(path: string, stat: TreeStat): Digest | undefined
}

/** Where the cache of one base directory lies between scans. */
export interface StatCacheStore {
  load(): Promise<Uint8Array | undefined>
  save(bytes: Uint8Array): Promise<void>
}

export interface CacheRecord {
  readonly path: string
  readonly stat: TreeStat
  readonly sha256: Digest
}

export const emptyStatCache: StatCache = { size: 0, find: () => undefined }

/** Parses a cache; a damaged or foreign one is as good as none, since everything is read then. */
export function parseStatCache(bytes: Uint8Array | undefined): StatCache {
  if (bytes === undefined || bytes.byteLength < headBytes + sumBytes) return emptyStatCache
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const sumAt = data.byteLength - sumBytes
  const count = data.readUInt32LE(magic.byteLength)
  const pathBytes = data.readUInt32LE(magic.byteLength + 4)
  if (
    !data.subarray(0, magic.byteLength).equals(magic) ||
    headBytes + pathBytes + count * recordBytes !== sumAt ||
    h64Raw(data.subarray(0, sumAt)) !== data.readBigUInt64LE(sumAt)
  ) {
    return emptyStatCache
  }
  const paths =
    count === 0 ? [] : data.toString('utf8', headBytes, headBytes + pathBytes).split('\0')
  const records = data.subarray(headBytes + pathBytes, sumAt)
  const indexOf = new Map(paths.map((path, index) => [path, index]))
  return {
    size: count,
    find(path, stat) {
      const index = indexOf.get(path)
      if (index === undefined || stat.kind !== 'file') return undefined
      const at = index * recordBytes
      const same =
        records.readBigUInt64LE(at) === BigInt(stat.size) &&
        records.readBigInt64LE(at + 8) === stat.mtimeNs &&
        records.readBigInt64LE(at + 16) === stat.ctimeNs &&
        records.readBigUInt64LE(at + 24) === BigInt.asUintN(64, stat.inode)
      return same ? digestFromBytes(records.subarray(at + 32, at + recordBytes)) : undefined
    },
  }
}

/**
 * The cache of a scan that began at `startedMs`. Files that changed less than 2 s before are left
 * out: a later change could fall into the same tick of their time stamps.
 */
export function encodeStatCache(records: readonly CacheRecord[], startedMs: number): Uint8Array {
  const newestNs = BigInt(Math.floor(startedMs) - publisherLimits.racyMs) * 1_000_000n
  const kept = records.filter(
    ({ stat }) => stat.mtimeNs <= newestNs && stat.ctimeNs <= newestNs && stat.mtimeNs >= 0n,
  )
  const paths = Buffer.from(kept.map((record) => record.path).join('\0'))
  const sumAt = headBytes + paths.byteLength + kept.length * recordBytes
  const data = Buffer.alloc(sumAt + sumBytes)
  magic.copy(data)
  data.writeUInt32LE(kept.length, magic.byteLength)
  data.writeUInt32LE(paths.byteLength, magic.byteLength + 4)
  paths.copy(data, headBytes)
  let at = headBytes + paths.byteLength
  for (const { stat, sha256 } of kept) {
    data.writeBigUInt64LE(BigInt(stat.size), at)
    data.writeBigInt64LE(stat.mtimeNs, at + 8)
    data.writeBigInt64LE(stat.ctimeNs, at + 16)
    data.writeBigUInt64LE(BigInt.asUintN(64, stat.inode), at + 24)
    data.write(sha256, at + 32, 'hex')
    at += recordBytes
  }
  data.writeBigUInt64LE(h64Raw(data.subarray(0, sumAt)), sumAt)
  return data
}
