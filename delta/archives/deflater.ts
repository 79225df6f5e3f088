import { DeflateEngine } from './deflate-engine.ts'
import type { DeflateSettings } from './deflate-settings.ts'
import { archiveLimits } from './limits.ts'
import { VariantMatcher } from './variant-matcher.ts'

/** Takes content in order and hands on the deflate stream of it; pieces are valid in the call. */
export interface Deflater {
  push(piece: Uint8Array): void
  finish(): void
}

/** What one stream works with and leaves to the next one of the same settings. */
interface Tools {
  readonly engine: DeflateEngine
  readonly piece: Uint8Array
}

/** Tools of streams that ended, by settings; few, since streams are hardly ever nested. */
const idle = new Map<string, Tools>()
const idleMax = 4

/**
 * A deflate whose output depends on nothing but the settings and the content. pako is fed in
 * pieces of a fixed size, however the content arrives.
 */
export function createDeflater(
  settings: DeflateSettings,
  emit: (piece: Uint8Array) => void,
): Deflater {
  if (settings.variant !== 'zlib') return new VariantMatcher(settings, emit)
  const { level, memLevel, strategy, windowBits } = settings
  const key = `${level} ${memLevel} ${strategy} ${windowBits}`
  const tools = takeTools(key, settings)
  const { engine, piece } = tools
  let filled = 0
  return {
    push(bytes) {
      for (let at = 0; at < bytes.length; ) {
        if (filled === piece.length) {
          engine.push(piece, false, emit)
          filled = 0
        }
        const part = bytes.subarray(at, at + piece.length - filled)
        piece.set(part, filled)
        filled += part.length
        at += part.length
      }
    },
    finish() {
      engine.push(piece.subarray(0, filled), true, emit)
      if (idle.size < idleMax) idle.set(key, tools)
    },
  }
}

function takeTools(key: string, settings: DeflateSettings): Tools {
  const known = idle.get(key)
  if (known === undefined) {
    return {
      engine: new DeflateEngine(settings),
      piece: new Uint8Array(archiveLimits.pieceBytes),
    }
  }
  idle.delete(key)
  known.engine.reset()
  return known
}
