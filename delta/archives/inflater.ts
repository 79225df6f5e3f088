import { inflateRawSync } from 'node:zlib'
import pako from 'pako'
import type { ByteSource } from './byte-source.ts'
import { readRange } from './byte-source.ts'
import { archiveLimits } from './limits.ts'

/** How a raw deflate stream was read. */
export interface Inflated {
  /** Packed bytes up to and including the final block. */
  readonly consumed: number
  readonly produced: number
}

interface InflateInternals {
  readonly strm: { readonly avail_in: number }
  readonly ended: boolean
  readonly err: number
}

class TooMuch extends Error {}

/**
 * Inflates the raw deflate stream (RFC 1951) that starts at `start` and hands its content on.
 * Undefined when the stream is damaged, does not end before `end` or holds more than
 * `producedMax` bytes; pieces may have been handed on by then. pako does it, not the runtime's
 * zlib, so that all machines agree on what is damaged.
 */
export function inflateRange(
  source: ByteSource,
  range: { readonly start: number; readonly end: number; readonly producedMax: number },
  emit: (piece: Uint8Array) => void,
): Inflated | undefined {
  const chunkSize = Math.min(archiveLimits.pieceBytes, range.producedMax + 16)
  const inflate = new pako.Inflate({ raw: true, chunkSize })
  const state = inflate as unknown as InflateInternals
  let produced = 0
  inflate.onData = (piece) => {
    const bytes = piece as Uint8Array
    produced += bytes.length
    if (produced > range.producedMax) throw new TooMuch()
    emit(bytes)
  }
  let at = range.start
  try {
    while (at < range.end && !state.ended) {
      const next = Math.min(range.end, at + archiveLimits.pieceBytes)
      const piece = readRange(source, at, next)
      if (piece === undefined) return undefined
      inflate.push(piece, false)
      at = next
    }
  } catch (error) {
    if (error instanceof TooMuch) return undefined
    throw error
  }
  if (!state.ended || state.err !== 0) return undefined
  return { consumed: at - range.start - state.strm.avail_in, produced }
}

/** Packed bytes of a small stream, which are read at once. */
const packedAtOnceMax = archiveLimits.contentBufferMax

interface Answer {
  readonly buffer: Uint8Array
  readonly engine: { readonly bytesWritten: number }
}

/**
 * The content of a stream that should fill a range exactly and give `contentBytes` bytes, held in
 * memory; undefined when it does not. The runtime's zlib is five times as fast as pako and right
 * whenever it succeeds; what it refuses, pako decides on.
 */
export function inflateWhole(
  source: ByteSource,
  range: { readonly start: number; readonly end: number },
  contentBytes: number,
): Uint8Array | undefined {
  const packedBytes = range.end - range.start
  if (contentBytes > 0 && packedBytes <= packedAtOnceMax) {
    const packed = readRange(source, range.start, range.end)
    const content = packed === undefined ? undefined : inflateNatively(packed, contentBytes)
    if (content !== undefined) return content
  }
  const held = new Uint8Array(contentBytes)
  let at = 0
  const inflated = inflateRange(source, { ...range, producedMax: contentBytes }, (piece) => {
    held.set(piece, at)
    at += piece.length
  })
  const exact = inflated?.produced === contentBytes && inflated.consumed === packedBytes
  return exact ? held : undefined
}

function inflateNatively(packed: Uint8Array, contentBytes: number): Uint8Array | undefined {
  // One byte more than is wanted: a stream that holds more shows itself.
  const options = {
    info: true,
    chunkSize: Math.max(64, contentBytes + 1),
    maxOutputLength: contentBytes + 1,
  }
  try {
    const { buffer, engine } = inflateRawSync(packed, options) as unknown as Answer
    const exact = buffer.length === contentBytes && engine.bytesWritten === packed.length
    return exact ? buffer : undefined
  } catch {
    return undefined
  }
}
