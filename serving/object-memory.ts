import { servingLimits as limits } from './limits.ts'

/** Small objects that are asked for often, kept in memory; the longest unused one goes first. */
export class ObjectMemory<Kept extends { readonly bytes: Uint8Array }> {
  readonly #kept = new Map<string, Kept>()
  readonly #budgetBytes: number
  readonly #objectBytesMax: number
  #bytes = 0

  constructor(options: { readonly budgetBytes?: number; readonly objectBytesMax?: number } = {}) {
    this.#budgetBytes = options.budgetBytes ?? limits.memoryBudgetBytes
    this.#objectBytesMax = options.objectBytesMax ?? limits.memoryObjectBytesMax
  }

  /** Bytes of all kept objects. */
  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#kept.size
  }

  /** Whether an object of this size would be kept. */
  takes(bytes: number): boolean {
    return bytes <= this.#objectBytesMax && bytes <= this.#budgetBytes
  }

  get(key: string): Kept | undefined {
    const found = this.#kept.get(key)
    if (found !== undefined) {
      this.#kept.delete(key)
      this.#kept.set(key, found)
    }
    return found
  }

  set(key: string, object: Kept): void {
    this.delete(key)
    if (!this.takes(object.bytes.byteLength)) return
    this.#kept.set(key, object)
    this.#bytes += object.bytes.byteLength
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#budgetBytes) break
      this.delete(oldest)
    }
  }

  delete(key: string): boolean {
    const found = this.#kept.get(key)
    if (found === undefined) return false
    this.#kept.delete(key)
    this.#bytes -= found.bytes.byteLength
    return true
  }
}
