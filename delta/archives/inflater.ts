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
