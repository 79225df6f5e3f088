import type { Digest } from '../../protocol/index.ts'
import { limits } from '../limits.ts'
import type { ObjectIntake, WrittenObject } from './object-intake.ts'
import type { IncomingObject, StoredObject } from './object-store.ts'

/**
 * Objects that become durable together: while the next one is written, those before it are synced,
 * and names and folders are left to the end of the group.
 */
export class ObjectGroup {
  readonly #intake: ObjectIntake
  readonly #written: WrittenObject[] = []
  readonly #present: StoredObject[] = []
  readonly #digests = new Set<Digest>()
  readonly #syncing = new Set<Promise<void>>()
  readonly #failures: unknown[] = []
  #bytes = 0

  constructor(intake: ObjectIntake) {
    this.#intake = intake
  }

  get isFull(): boolean {
    return (
      this.#written.length + this.#present.length >= limits.batchObjectsMax ||
      this.#bytes >= limits.batchBytesMax
    )
  }

  holds(digest: Digest): boolean {
    return this.#digests.has(digest)
  }

  addPresent(object: StoredObject): void {
    this.#present.push({ digest: object.digest, size: object.size })
  }

  async write(object: IncomingObject, signal?: AbortSignal): Promise<void> {
    const written = await this.#intake.write(object, signal)
    this.#written.push(written)
    this.#digests.add(written.digest)
    this.#bytes += written.size
    const task = this.#intake
      .sync(written)
      .catch((error: unknown) => {
        this.#failures.push(error)
      })
      .finally(() => this.#syncing.delete(task))
    this.#syncing.add(task)
    if (this.#syncing.size >= limits.fileConcurrency) await Promise.race(this.#syncing)
    if (this.#failures.length > 0) throw this.#failures[0]
  }

  /** Makes the group durable; afterwards it must not be used again. */
  async finish(): Promise<{
    readonly stored: readonly StoredObject[]
    readonly present: readonly StoredObject[]
  }> {
    await Promise.all(this.#syncing)
    if (this.#failures.length > 0) throw this.#failures[0]
    await this.#intake.store(this.#written)
    const stored = this.#written.map(({ digest, size }) => ({ digest, size }))
    return { stored, present: this.#present }
  }

  /** Removes what has no name yet. */
  async discard(): Promise<void> {
    await Promise.all(this.#syncing)
    await this.#intake.discard(this.#written)
  }
}
