import pako from 'pako'
import type { DeflateSettings } from './deflate-settings.ts'
import { archiveLimits } from './limits.ts'
import { VariantMatcher } from './variant-matcher.ts'

/** Takes content in order and hands on the deflate stream of it. */
export interface Deflater {
  push(piece: Uint8Array): void
  finish(): void
}

/**
 * A deflate whose output depends on nothing but the settings and the content. pako is fed in
 * pieces of a fixed size, however the content arrives.
 */
export function createDeflater(
  settings: DeflateSettings,
  emit: (piece: Uint8Array) => void,
): Deflater {
  if (settings.variant !== 'zlib') return new VariantMatcher(settings, emit)
  const { memLevel, strategy, windowBits } = settings
  const level = settings.level as 6
  const deflate = new pako.Deflate({ raw: true, level, memLevel, strategy, windowBits })
  deflate.onData = (piece) => emit(piece as Uint8Array)
  return inPieces((piece, last) => deflate.push(piece, last))
}

/** Pieces that ended streams left for the next ones; an archive has thousands of streams. */
const idlePieces: Uint8Array[] = []
const idlePiecesMax = 4

/** Collects pushes into pieces of the format's size; only the last may be shorter. */
function inPieces(feed: (piece: Uint8Array, last: boolean) => void): Deflater {
  let held: Uint8Array | undefined
  let filled = 0
  return {
    push(bytes) {
      let at = 0
      while (at < bytes.length) {
        held ??= idlePieces.pop() ?? new Uint8Array(archiveLimits.pieceBytes)
        if (filled === held.length) {
          feed(held, false)
          filled = 0
        }
        const part = bytes.subarray(at, at + held.length - filled)
        held.set(part, filled)
        filled += part.length
        at += part.length
      }
    },
    finish() {
      feed(held === undefined ? new Uint8Array(0) : held.subarray(0, filled), true)
      if (held !== undefined && idlePieces.length < idlePiecesMax) idlePieces.push(held)
      held = undefined
    },
  }
}
