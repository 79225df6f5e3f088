import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { createBrotliDecompress } from 'node:zlib'
import { isLongwaveError } from '../../protocol/index.ts'
import { storeError } from '../../store/objects/index.ts'
import type { ObjectRecord } from '../../store/server-records/index.ts'
import { transmitterError } from '../errors.ts'

/** One file part of a multipart request, as far as its bytes matter. */
export interface PartBody {
  readonly file: Readable & { readonly truncated?: boolean }
}

/**
 * The bytes of a part without their coding. Whatever breaks them off is the sender's or the
 * connection's fault and is told as such.
 * @throws LW_TRANSMIT_BROKEN_UPLOAD, LW_TRANSMIT_UNEXPECTED_PART when they exceed `bytesMax`
 */
export async function* partBytes(
  part: PartBody,
  how: { readonly coding?: 'br' | undefined; readonly bytesMax: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = how.bytesMax
  try {
    for await (const chunk of decoded(part.file, how.coding)) {
      left -= chunk.byteLength
      if (left < 0) {
        throw transmitterError('LW_TRANSMIT_UNEXPECTED_PART', {
          detail: 'It is longer than what it stands for.',
        })
      }
      yield chunk
    }
  } catch (cause) {
    if (isLongwaveError(cause)) throw cause
    throw transmitterError('LW_TRANSMIT_BROKEN_UPLOAD', { cause })
  }
  if (part.file.truncated === true) {
    throw transmitterError('LW_TRANSMIT_UNEXPECTED_PART', { detail: 'It is too long for a part.' })
  }
}

function decoded(file: Readable, coding: 'br' | undefined): AsyncIterable<Uint8Array> {
  if (coding === undefined) return file
  const plain = createBrotliDecompress()
  file.once('error', (error) => plain.destroy(error))
  return file.pipe(plain)
}

/**
 * Bytes that prove, by having come, that their sender holds an object: a store that has it already
 * does not read them, and its having it must grant nothing.
 */
export class ProvingBytes {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #hash = createHash('sha256')
  #bytes = 0

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** The bytes; ending early leaves the rest to `prove`. */
  async *bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const chunk = await this.#next()
      if (chunk === undefined) return
      yield chunk
    }
  }

  /**
   * Reads what nobody has read yet and compares all.
   * @throws LW_STORE_DIGEST_MISMATCH
   */
  async prove(object: ObjectRecord): Promise<void> {
    while ((await this.#next()) !== undefined) {
      if (this.#bytes > object.size) break
    }
    if (this.#bytes === object.size && this.#hash.digest('hex') === object.digest) return
    throw storeError('LW_STORE_DIGEST_MISMATCH', { detail: `${object.digest}.` })
  }

  async #next(): Promise<Uint8Array | undefined> {
    const next = await this.#source.next()
    if (next.done === true) return undefined
    this.#hash.update(next.value)
    this.#bytes += next.value.byteLength
    return next.value
  }
}
