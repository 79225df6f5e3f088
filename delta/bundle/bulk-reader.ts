import { type BrotliDecompress, createBrotliDecompress } from 'node:zlib'
import { deltaError } from '../errors.ts'

/** How the bulk stream is packed. */
export type BulkMethod = 'stored' | 'brotli'

/** Reads the literals that do not go through the range coder, in order. */
export class BulkReader {
  private readonly pieces: AsyncIterator<Uint8Array>
  private readonly inflater: BrotliDecompress | undefined
  private piece: Uint8Array = new Uint8Array(0)
  private position = 0
  /** Unpacked bytes handed out so far. */
  bytesRead = 0

  constructor(method: BulkMethod, packed: AsyncIterable<Uint8Array>) {
    if (method === 'stored') {
      this.pieces = packed[Symbol.asyncIterator]()
    } else {
      this.inflater = createBrotliDecompress()
      // Errors reach the reader through the iteration; one that comes later concerns nobody.
      this.inflater.on('error', () => {})
      this.pieces = inflate(this.inflater, packed)
    }
  }

  async read(into: Uint8Array, at: number, count: number): Promise<void> {
    this.bytesRead += count
    let done = 0
    while (done < count) {
      if (this.position === this.piece.length) await this.advance()
      const take = Math.min(count - done, this.piece.length - this.position)
      into.set(this.piece.subarray(this.position, this.position + take), at + done)
      this.position += take
      done += take
    }
  }

  /** Frees what is held, also in the middle of the stream. */
  close(): void {
    this.inflater?.destroy()
  }

  private async advance(): Promise<void> {
    let next: IteratorResult<Uint8Array>
    try {
      next = await this.pieces.next()
    } catch (cause) {
      throw deltaError('LW_DELTA_FORMAT', { cause, detail: 'The bulk stream is damaged.' })
    }
    if (next.done === true) {
      throw deltaError('LW_DELTA_FORMAT', { detail: 'The bulk stream ends too early.' })
    }
    this.piece = next.value
    this.position = 0
  }
}

async function* inflate(
  inflater: BrotliDecompress,
  packed: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let failure: unknown
  const feed = async (): Promise<void> => {
    for await (const piece of packed) {
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
