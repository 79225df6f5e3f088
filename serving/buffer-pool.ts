import { servingLimits as limits } from './limits.ts'

const [smallest, ...larger] = limits.chunkBytes

/**
 * Buffers of a few sizes that are used again: fresh ones for every chunk cost more in page faults
 * and garbage collection than the reading itself. Counts what is in use, so that thousands of
 * slow readers cannot fill the memory.
 */
export class BufferPool {
  readonly #free = new Map<number, Buffer[]>(limits.chunkBytes.map((bytes) => [bytes, []]))
  #freeBytes = 0
  #usedBytes = 0

  /** Bytes of all buffers that were taken and not given back. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Whether so much is in use that everybody gets along with little. */
  get isShort(): boolean {
    return this.#usedBytes >= limits.inFlightBytesMax
  }

  /** A buffer for so many bytes, or for the first part of them. */
  take(wanted: number): Buffer {
    const bytes = this.isShort ? smallest : sizeFor(wanted)
    this.#usedBytes += bytes
    const kept = this.#free.get(bytes)?.pop()
    if (kept === undefined) return Buffer.allocUnsafeSlow(bytes)
    this.#freeBytes -= bytes
    return kept
  }

  /** Only when nothing can read the buffer any more: after the callback of its write. */
  giveBack(buffer: Buffer): void {
    this.forget(buffer.byteLength)
    if (this.#freeBytes + buffer.byteLength > limits.pooledBytesMax) return
    this.#freeBytes += buffer.byteLength
    this.#free.get(buffer.byteLength)?.push(buffer)
  }

  /** Buffers that something may still read: they are left to the garbage collector. */
  forget(bytes: number): void {
    this.#usedBytes -= bytes
  }
}

function sizeFor(wanted: number): number {
  let size: number = smallest
  for (const next of larger) {
    if (wanted <= size) break
    size = next
  }
  return size
}
