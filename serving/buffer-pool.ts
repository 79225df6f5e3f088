import { servingLimits as limits } from './limits.ts'

/**
 * Buffers of one size that are used again: fresh ones for every chunk cost more in page faults
 * and garbage collection than the reading itself.
 */
export class BufferPool {
  readonly #free: Buffer[] = []
  readonly #bytes: number
  readonly #kept: number

  constructor(bytes: number = limits.chunkBytes, kept: number = limits.pooledBuffersMax) {
    this.#bytes = bytes
    this.#kept = kept
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bytes)
  }

  /** Only when nothing can read the buffer any more: after the callback of its write. */
  giveBack(buffer: Buffer): void {
    if (this.#free.length < this.#kept) this.#free.push(buffer)
  }
}
