import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import { type BrotliDecompress, createBrotliDecompress } from 'node:zlib'
import { type Digest, digestFromBytes } from '../../protocol/index.ts'
import { proxyLimits as limits } from '../limits.ts'
import type { ContentKey } from './content-key.ts'

/** Hashes content as it arrives and tells at the end whether it is what its address names. */
export interface ContentCheck {
  /** Resolves when more may be given. */
  update(chunk: Uint8Array): Promise<void> | void
  /** The digest of the bytes themselves; undefined when they are not what was asked for. */
  finish(): Promise<Digest | undefined>
  /** Gives the check up. */
  destroy(): void
}

export function contentCheck(key: ContentKey): ContentCheck {
  return key.form === 'plain' ? plainCheck(key.digest) : packedCheck(key.digest)
}

function plainCheck(digest: Digest): ContentCheck {
  const hash = createHash('sha256')
  return {
    update: (chunk) => {
      hash.update(chunk)
    },
    finish: async () => (digestFromBytes(hash.digest()) === digest ? digest : undefined),
    destroy: () => undefined,
  }
}

/** A compressed form is right when it unpacks to the object. */
function packedCheck(digest: Digest): ContentCheck {
  const packed = createHash('sha256')
  const unpacked = createHash('sha256')
  const stream = createBrotliDecompress()
  const failed = hashUnpacked(stream, unpacked)
  return {
    async update(chunk) {
      packed.update(chunk)
      if (stream.destroyed) return
      // The buffer may be used again once this returns, so the stream gets its own copy.
      if (!stream.write(Buffer.from(chunk))) {
        await Promise.race([once(stream, 'drain').catch(() => undefined), failed])
      }
    },
    async finish() {
      if (!stream.destroyed) stream.end()
      if (await failed) return undefined
      return digestFromBytes(unpacked.digest()) === digest
        ? digestFromBytes(packed.digest())
        : undefined
    },
    destroy: () => stream.destroy(),
  }
}

/** Resolves at the end: whether unpacking failed or gave more than is allowed. */
function hashUnpacked(stream: BrotliDecompress, hash: Hash): Promise<boolean> {
  return new Promise((resolve) => {
    let bytes = 0
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength
      hash.update(chunk)
      if (bytes > limits.unpackedBytesMax) stream.destroy()
    })
    stream.on('error', () => resolve(true))
    stream.on('close', () => resolve(!stream.readableEnded))
    stream.on('end', () => resolve(false))
  })
}
