import { createHash } from 'node:crypto'
import { type Digest, filesOf, type Manifest } from '../../protocol/index.ts'
import type { ObjectStore } from '../../store/objects/index.ts'
import { transmitterError } from '../errors.ts'
import { transmitterLimits as limits } from '../limits.ts'

/** MD5 of objects for indexes that old clients ask for; it identifies content, vouching for nothing. */
export class Md5Memory {
  readonly #objects: ObjectStore
  readonly #known = new Map<Digest, string>()

  constructor(objects: ObjectStore) {
    this.#objects = objects
  }

  /** What is known without reading. */
  peek(digest: Digest): string | undefined {
    return this.#known.get(digest)
  }

  /** @throws LW_TRANSMIT_INDEX_UNAVAILABLE when too much would have to be read */
  requireReadable(manifest: Manifest): void {
    let bytes = 0
    for (const file of filesOf(manifest)) if (!this.#known.has(file.sha256)) bytes += file.size
    if (bytes <= limits.md5BytesMax) return
    throw transmitterError('LW_TRANSMIT_INDEX_UNAVAILABLE', {
      detail: `MD5 ids would take reading ${bytes} bytes; ask for SHA-256 ids.`,
    })
  }

  async of(digest: Digest): Promise<string> {
    const known = this.#known.get(digest)
    if (known !== undefined) return known
    const reader = await this.#objects.open(digest)
    if (reader === undefined) throw transmitterError('LW_TRANSMIT_NO_OBJECT')
    const hash = createHash('md5')
    const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(reader.size, 256 * 1024)))
    try {
      for (let at = 0; at < reader.size; ) {
        const count = await reader.read(at, buffer)
        if (count <= 0) throw new Error('a stored object is shorter than it was')
        hash.update(buffer.subarray(0, count))
        at += count
      }
    } finally {
      await reader.close()
    }
    const hex = hash.digest('hex')
    this.#known.set(digest, hex)
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= limits.md5sKept) break
      this.#known.delete(oldest)
    }
    return hex
  }
}
