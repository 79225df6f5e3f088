import { GdiffWriter } from '../gdiff/index.ts'
import type { BlockSignature } from './block-signature.ts'
import { signatureLimits } from './limits.ts'
import { leavingFactor, roll, rollingChecksum } from './rolling-checksum.ts'

export interface SignatureDeltaOptions {
  readonly signature: BlockSignature
  readonly next: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  readonly signal?: AbortSignal | undefined
}

/**
 * Makes a GDIFF from the object that the signature describes to new bytes, without the old ones.
 * Blocks are found by a rolling checksum and believed by 8 bytes of their SHA-256, so the
 * receiver checks the digest of what it builds.
 */
export async function* encodeSignatureDelta(
  options: SignatureDeltaOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const out: Uint8Array[] = []
  const matcher = new Matcher(options.signature, new GdiffWriter((bytes) => out.push(bytes)))
  for await (const piece of options.next) {
    options.signal?.throwIfAborted()
    matcher.push(piece)
    yield* out.splice(0)
  }
  matcher.end()
  yield* out.splice(0)
}

class Matcher {
  readonly #signature: BlockSignature
  readonly #writer: GdiffWriter
  readonly #leaving: number
  #window: Uint8Array = new Uint8Array(0)
  /** Bytes of the window before this are literals that were not written yet. */
  #at = 0
  #checksum: number | undefined
  /** The block that would go on with the last copy. */
  #wanted = -1

  constructor(signature: BlockSignature, writer: GdiffWriter) {
    this.#signature = signature
    this.#writer = writer
    this.#leaving = leavingFactor(signature.blockBytes)
  }

  push(piece: Uint8Array): void {
    this.#window = this.#window.byteLength === 0 ? piece : Buffer.concat([this.#window, piece])
    const { blockBytes } = this.#signature
    while (this.#at + blockBytes <= this.#window.byteLength) {
      this.#checksum ??= rollingChecksum(this.#window, this.#at, blockBytes)
      if (!this.#takeBlock(this.#checksum)) this.#skip()
    }
    // The rest may be a view of the caller's buffer.
    this.#window = new Uint8Array(this.#window)
  }

  end(): void {
    this.#flush(this.#window.byteLength)
    this.#writer.end()
  }

  #takeBlock(checksum: number): boolean {
    if (!this.#signature.mayHave(checksum)) return false
    const { blockBytes } = this.#signature
    const bytes = this.#window.subarray(this.#at, this.#at + blockBytes)
    const block = this.#signature.find(checksum, bytes, this.#wanted)
    if (block === -1) return false
    this.#flush(this.#at)
    this.#writer.copy(block * blockBytes, blockBytes)
    this.#window = this.#window.subarray(blockBytes)
    this.#checksum = undefined
    this.#wanted = block + 1
    return true
  }

  /** Goes on byte by byte until a block may begin, or the window ends. */
  #skip(): void {
    const window = this.#window
    const signature = this.#signature
    const { blockBytes } = signature
    const last = window.byteLength - blockBytes
    let checksum = this.#checksum ?? 0
    let at = this.#at
    do {
      if (at === last) {
        this.#checksum = undefined
        at++
        break
      }
      checksum = roll(checksum, window[at] ?? 0, this.#leaving, window[at + blockBytes] ?? 0)
      this.#checksum = checksum
      at++
    } while (!signature.mayHave(checksum))
    this.#at = at
    if (at >= signatureLimits.pendingBytesMax) this.#flush(at)
  }

  /** Writes the bytes before `upTo` as they are. */
  #flush(upTo: number): void {
    if (upTo > 0) {
      this.#writer.literal(this.#window.subarray(0, upTo))
      this.#wanted = -1
    }
    this.#window = this.#window.subarray(upTo)
    this.#at = 0
  }
}
