import { encodeCopy, encodeLiteralHead, gdiffEnd, gdiffHeader } from './command.ts'
import { gdiffLimits } from './limits.ts'

/**
 * Turns copies and literals, in the order of the new file, into the bytes of a difference:
 * neighbouring copies become one, runs beyond a command's reach are split.
 */
export class GdiffWriter {
  readonly #emit: (bytes: Uint8Array) => void
  #copyPosition = 0
  #copyLength = 0

  constructor(emit: (bytes: Uint8Array) => void) {
    this.#emit = emit
    emit(gdiffHeader)
  }

  /** Old bytes from `position`. */
  copy(position: number, length: number): void {
    if (length === 0) return
    if (this.#copyLength > 0 && this.#copyPosition + this.#copyLength === position) {
      this.#copyLength += length
      return
    }
    this.#flushCopy()
    this.#copyPosition = position
    this.#copyLength = length
  }

  /** Bytes that are not in the old file; the array is handed on as it is. */
  literal(bytes: Uint8Array): void {
    this.#flushCopy()
    for (let at = 0; at < bytes.byteLength; at += gdiffLimits.runBytesMax) {
      const run = bytes.subarray(at, at + gdiffLimits.runBytesMax)
      this.#emit(encodeLiteralHead(run.byteLength))
      this.#emit(run)
    }
  }

  end(): void {
    this.#flushCopy()
    this.#emit(Uint8Array.of(gdiffEnd))
  }

  #flushCopy(): void {
    while (this.#copyLength > 0) {
      const length = Math.min(this.#copyLength, gdiffLimits.runBytesMax)
      this.#emit(encodeCopy(this.#copyPosition, length))
      this.#copyPosition += length
      this.#copyLength -= length
    }
  }
}

/** The difference that copies a whole file of `size` bytes. */
export function identityGdiff(size: number): Uint8Array {
  const parts: Uint8Array[] = []
  const writer = new GdiffWriter((bytes) => parts.push(bytes))
  writer.copy(0, size)
  writer.end()
  return Buffer.concat(parts)
}
