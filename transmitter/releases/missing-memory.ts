import type { Digest } from '../../protocol/index.ts'
import { transmitterLimits as limits } from '../limits.ts'

/**
 * What uploads lack, as this process knows it: counting it in the records after every request
 * would cost more than receiving small objects. Other processes may have received more; a commit
 * asks the records.
 */
export class MissingMemory {
  readonly #missing = new Map<string, Set<Digest>>()

  /** Notes what was found in the records. */
  note(upload: string, missing: ReadonlySet<Digest>): void {
    this.#missing.delete(upload)
    this.#missing.set(upload, new Set(missing))
    for (const oldest of this.#missing.keys()) {
      if (this.#missing.size <= limits.uploadsRemembered) break
      this.#missing.delete(oldest)
    }
  }

  deliver(upload: string, digests: readonly Digest[]): void {
    const missing = this.#missing.get(upload)
    for (const digest of digests) missing?.delete(digest)
  }

  /** Undefined when nothing is known of the upload. */
  count(upload: string): number | undefined {
    return this.#missing.get(upload)?.size
  }

  forget(upload: string): void {
    this.#missing.delete(upload)
  }
}
