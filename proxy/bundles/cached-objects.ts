import { promisify } from 'node:util'
import { brotliDecompress } from 'node:zlib'
import { memoryObjectSource, type ObjectReader, type ObjectSource } from '../../delta/index.ts'
import { type Digest, digestOf } from '../../protocol/index.ts'
import type { ContentCache } from '../cache/index.ts'
import { proxyError } from '../errors.ts'
import { proxyLimits as limits } from '../limits.ts'

const decompress = promisify(brotliDecompress)

/** The cache as a place where objects are found, whole ones and compressed ones. */
export class CachedObjects implements ObjectSource {
  readonly #cache: ContentCache

  constructor(cache: ContentCache) {
    this.#cache = cache
  }

  has(digest: Digest): boolean {
    return this.#cache.has({ digest, form: 'plain' }) || this.#cache.has({ digest, form: 'br' })
  }

  /** @throws LW_PROXY_NOT_CACHED */
  async open(digest: Digest): Promise<ObjectReader> {
    const plain = this.#cache.find({ digest, form: 'plain' })
    const handle = plain === undefined ? undefined : await this.#cache.openEntry(plain)
    if (plain !== undefined && handle !== undefined) {
      return {
        size: plain.size,
        read: (position, into) => handle.read(position, into),
        close: () => handle.close(),
      }
    }
    const bytes = await this.#unpack(digest)
    return memoryObjectSource(new Map([[digest, bytes]])).open(digest)
  }

  /** The whole object. @throws LW_PROXY_NOT_CACHED */
  async load(digest: Digest, bytesMax: number): Promise<Uint8Array> {
    const reader = await this.open(digest)
    try {
      if (reader.size > bytesMax) throw proxyError('LW_PROXY_NOT_CACHED')
      const bytes = new Uint8Array(reader.size)
      const count = await reader.read(0, bytes)
      if (count !== reader.size) throw proxyError('LW_PROXY_NOT_CACHED')
      return bytes
    } finally {
      await reader.close()
    }
  }

  async #unpack(digest: Digest): Promise<Uint8Array> {
    const packed = this.#cache.find({ digest, form: 'br' })
    const handle = packed === undefined ? undefined : await this.#cache.openEntry(packed)
    if (packed === undefined || handle === undefined || packed.size > limits.bundleObjectBytesMax) {
      await handle?.close()
      throw proxyError('LW_PROXY_NOT_CACHED')
    }
    const bytes = new Uint8Array(packed.size)
    await handle.read(0, bytes).finally(() => handle.close())
    const whole = await decompress(bytes, { maxOutputLength: limits.bundleObjectBytesMax })
    if (digestOf(whole) !== digest) throw proxyError('LW_PROXY_NOT_CACHED')
    return whole
  }
}
