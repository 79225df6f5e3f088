import { type Digest, digestOf } from '../../protocol/index.ts'
import { encodeDrpIndex } from '../../protocol/drp/index.ts'
import type { ReleaseRecord } from '../../store/server-records/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterLimits as limits } from '../limits.ts'
import type { Md5Memory } from './md5-memory.ts'

export type IndexIds = 'sha256' | 'md5'

/** The DRP index of one release. */
export interface IndexDocument {
  readonly sha256: Digest
  readonly bytes: Uint8Array
}

/** Indexes of releases as they were asked for; the same release gives the same bytes. */
export class IndexDocuments {
  readonly #context: TransmitterContext
  readonly #md5s: Md5Memory
  readonly #kept = new Map<string, Promise<IndexDocument>>()
  readonly #sizes = new Map<string, number>()

  constructor(context: TransmitterContext, md5s: Md5Memory) {
    this.#context = context
    this.#md5s = md5s
  }

  /** @throws LW_TRANSMIT_INDEX_UNAVAILABLE, LW_DRP_INDEX_UNWRITABLE */
  of(release: ReleaseRecord, ids: IndexIds): Promise<IndexDocument> {
    const key = `${ids} ${release.manifestDigest}`
    let making = this.#kept.get(key)
    if (making === undefined) {
      making = this.#make(release, ids)
      making.then(
        (made) => this.#trim(key, made.bytes.byteLength),
        () => this.#kept.delete(key),
      )
    }
    this.#kept.delete(key)
    this.#kept.set(key, making)
    return making
  }

  async #make(release: ReleaseRecord, ids: IndexIds): Promise<IndexDocument> {
    const { manifest } = await this.#context.manifests.load(release.manifestDigest)
    if (ids === 'md5') this.#md5s.requireReadable(manifest)
    // Relative to the index's own address, which ends in NAME/index.
    const base = 'files/'
    const bytes = await encodeDrpIndex(
      manifest,
      ids === 'md5' ? { ids, base, md5Of: (file) => this.#md5s.of(file.sha256) } : { ids, base },
    )
    return { sha256: digestOf(bytes), bytes }
  }

  #trim(key: string, size: number): void {
    this.#sizes.set(key, size)
    let bytes = 0
    for (const known of this.#kept.keys()) bytes += this.#sizes.get(known) ?? 0
    for (const oldest of this.#kept.keys()) {
      const isFitting = bytes <= limits.indexBytesKept && this.#kept.size <= limits.indexesKept
      if (isFitting || this.#kept.size === 1) return
      this.#kept.delete(oldest)
      bytes -= this.#sizes.get(oldest) ?? 0
      this.#sizes.delete(oldest)
    }
  }
}
