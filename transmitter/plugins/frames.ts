import type { Writable } from 'node:stream'

/** Messages between two processes: four bytes of length, big-endian, and JSON in UTF-8. */
export function encodeFrame(value: unknown, bytesMax: number): Buffer {
  const body = Buffer.from(JSON.stringify(value))
  if (body.byteLength > bytesMax) throw new RangeError('a message is too large')
  const frame = Buffer.allocUnsafe(4 + body.byteLength)
  frame.writeUInt32BE(body.byteLength, 0)
  body.copy(frame, 4)
  return frame
}

/** Writes a frame; what one turn writes goes to the system in one call. */
export function writeTogether(line: Writable, frame: Buffer): void {
  if (line.writableCorked === 0) {
    line.cork()
    setImmediate(() => line.uncork())
  }
  line.write(frame)
}

/** Takes messages out of a stream of bytes, and refuses one that is announced too large. */
export class FrameReader {
  readonly #bytesMax: number
  #chunks: Buffer[] = []
  #held = 0
  #wanted: number | undefined

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** @throws RangeError, SyntaxError: the other side does not keep to the form */
  *push(chunk: Buffer): Generator<unknown> {
    this.#chunks.push(chunk)
    this.#held += chunk.byteLength
    for (;;) {
      this.#wanted ??= this.#held < 4 ? undefined : this.#take(4).readUInt32BE(0)
      if (this.#wanted === undefined) return
      if (this.#wanted > this.#bytesMax) throw new RangeError('a message is too large')
      if (this.#held < this.#wanted) return
      const body = this.#take(this.#wanted)
      this.#wanted = undefined
      yield JSON.parse(body.toString('utf8'))
    }
  }

  #take(count: number): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks)
    const bytes = all ?? Buffer.alloc(0)
    this.#held -= count
    this.#chunks = this.#held === 0 ? [] : [bytes.subarray(count)]
    return bytes.subarray(0, count)
  }
}
