import assert from 'node:assert/strict'
import zlib from 'pako/lib/zlib/deflate.js'
import ZStream from 'pako/lib/zlib/zstream.js'
import type { DeflateSettings } from './deflate-settings.ts'

/** Piece in which deflated bytes come out: part of the format, stored blocks depend on it. */
const outputBytes = 16 * 1024
const deflateMethod = 8
const noFlush = 0
const finish = 4
const streamEnd = 1

/**
 * pako's deflate for one stream after the other: its tables are 400 KB, and archives have
 * thousands of streams of a few KB.
 */
export class DeflateEngine {
  private readonly stream = new ZStream()
  private readonly output = new Uint8Array(outputBytes)

  constructor({ level, windowBits, memLevel, strategy }: DeflateSettings) {
    const status = zlib.deflateInit2(
      this.stream,
      level,
      deflateMethod,
      -windowBits,
      memLevel,
      strategy,
    )
    assert(status === 0, 'settings are checked where they are parsed')
    this.stream.avail_out = 0
  }

  /** Makes it as new. */
  reset(): void {
    zlib.deflateReset(this.stream)
    this.stream.avail_out = 0
  }

  /** Takes a piece of content; what comes out is valid during the call only. */
  push(piece: Uint8Array, last: boolean, emit: (piece: Uint8Array) => void): void {
    const { stream, output } = this
    stream.input = piece
    stream.next_in = 0
    stream.avail_in = piece.length
    for (;;) {
      if (stream.avail_out === 0) {
        stream.output = output
        stream.next_out = 0
        stream.avail_out = outputBytes
      }
      const status = zlib.deflate(stream, last ? finish : noFlush)
      if (status === streamEnd) {
        if (stream.next_out > 0) emit(output.subarray(0, stream.next_out))
        return
      }
      if (stream.avail_out === 0) {
        emit(output)
      } else if (last && stream.next_out > 0) {
        emit(output.subarray(0, stream.next_out))
        stream.avail_out = 0
      } else if (stream.avail_in === 0) {
        return
      }
    }
  }
}
