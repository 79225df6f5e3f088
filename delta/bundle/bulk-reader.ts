import { type BrotliDecompress, brotliDecompressSync, createBrotliDecompress } from 'node:zlib'
import type { NextBytes } from '../entropy/binary-decoder.ts'
import { deltaError } from '../errors.ts'
import { deltaLimits } from '../limits.ts'

/**
 * How a bulk stream is packed: not at all; in brotli and small enough to be unpacked at once; in
 * brotli of any size.
 */
export type BulkMethod = 'none' | 'stored' | 'brotli' | 'brotli-streamed'

const varintBytesMax = 5

/** Reads bytes that do not go through the range coder, in order. */
export class BulkReader {
  private readonly method: BulkMethod
  private readonly next: NextBytes
  private streamed: AsyncIterator<Uint8Array> | undefined
  private inflater: BrotliDecompress | undefined
  private piece: Uint8Array = new Uint8Array(0)
  private position = 0
  private unpacked = false
  /** Unpacked bytes handed out so far. */
  bytesRead = 0

  /** `packed` hands out the packed bytes. */
  constructor(method: BulkMethod, packed: NextBytes) {
    this.method = method
    this.next = packed
  }

  /** Takes up to `count` bytes; 0 when none is at hand, which `advance` mends. */
  take(into: Uint8Array, at: number, count: number): number {
    if (this.position === this.piece.length && this.method !== 'brotli-streamed') this.refill()
    const length = Math.min(count, this.piece.length - this.position)
    into.set(this.piece.subarray(this.position, this.position + length), at)
    this.position += length
    this.bytesRead += length
    return length
  }

  /** Adds the next bytes to those at `at`. */
  add(into: Uint8Array, at: number, count: number): void {
    for (let i = 0; i < count; i++) {
      if (this.position === this.piece.length) this.refill()
      into[at + i] = (into[at + i] as number) + (this.piece[this.position++] as number)
    }
    this.bytesRead += count
  }

  /** A number of seven bits per byte, lowest first. */
  number(): number {
    let value = 0
    for (let i = 0; i < varintBytesMax; i++) {
      if (this.position === this.piece.length) this.refill()
      const byte = this.piece[this.position++] as number
      this.bytesRead++
      value += (byte & 127) * 128 ** i
      if (byte < 128) return value
    }
    throw deltaError('LW_DELTA_FORMAT', { detail: 'A number of the bulk stream is too large.' })
  }

  /** Waits for more of a stream that is unpacked on the way. */
  async advance(): Promise<void> {
    this.streamed ??= this.inflate()
    let next: IteratorResult<Uint8Array>
    try {
      next = await this.streamed.next()
    } catch (cause) {
      throw damaged(cause)
    }
    if (next.done === true) throw ended()
    this.piece = next.value
    this.position = 0
  }

  /** Frees what is held, also in the middle of the stream. */
  close(): void {
    this.inflater?.destroy()
  }

  private refill(): void {
    if (this.method === 'brotli' && !this.unpacked) this.piece = this.unpack()
    else if (this.method === 'stored') this.piece = this.next()
    else throw ended()
    this.unpacked = true
    this.position = 0
    if (this.piece.length === 0) throw ended()
  }

  private unpack(): Uint8Array {
    const pieces: Uint8Array[] = []
    let total = 0
    for (let piece = this.next(); piece.length > 0; piece = this.next()) {
      total += piece.length
      if (total > deltaLimits.bulkAtOnceBytesMax) throw damaged(undefined)
      pieces.push(piece)
    }
    try {
      return brotliDecompressSync(Buffer.concat(pieces), {
        maxOutputLength: deltaLimits.bulkAtOnceBytesMax,
      })
    } catch (cause) {
      throw damaged(cause)
    }
  }

  private inflate(): AsyncIterator<Uint8Array> {
    const inflater = createBrotliDecompress()
    // Errors reach the reader through the iteration; one that comes later concerns nobody.
    inflater.on('error', () => {})
    this.inflater = inflater
    return inflatePieces(inflater, this.next)
  }
}

function damaged(cause: unknown): Error {
  return deltaError('LW_DELTA_FORMAT', { cause, detail: 'The bulk stream is damaged.' })
}

function ended(): Error {
  return deltaError('LW_DELTA_FORMAT', { detail: 'The bulk stream ends too early.' })
}

async function* inflatePieces(
  inflater: BrotliDecompress,
  packed: NextBytes,
): AsyncGenerator<Uint8Array> {
  let failure: unknown
  const feed = async (): Promise<void> => {
    for (let piece = packed(); piece.length > 0; piece = packed()) {
      if (inflater.destroyed) return
      if (!inflater.write(piece)) await drained(inflater)
    }
    inflater.end()
  }
  const fed = feed().catch((cause: unknown) => {
    failure = cause
    inflater.destroy()
  })
  for await (const piece of inflater) yield piece as Uint8Array
  await fed
  if (failure !== undefined) throw failure
}

function drained(inflater: BrotliDecompress): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      inflater.off('drain', done)
      inflater.off('close', done)
      resolve()
    }
    inflater.on('drain', done)
    inflater.on('close', done)
  })
}
