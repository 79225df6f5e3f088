import { readRange, sameBytes } from './byte-source.ts'
import { type DeflateSettings, settingsOf } from './deflate-settings.ts'
import { createDeflater } from './deflater.ts'
import { archiveLimits } from './limits.ts'
import type { PackedStream } from './view-context.ts'

class Mismatch extends Error {}

/**
 * Finds the settings which re-create streams of one archive. What worked last is tried first;
 * a candidate is given up at the first differing piece of output.
 */
export class SettingsSearch {
  #recent: DeflateSettings[] = []
  #vainBytes = 0
  #failures = 0

  /** The settings that give exactly the stream's bytes, or undefined. */
  find(stream: PackedStream): DeflateSettings | undefined {
    if (this.#recent.length === 0 && this.#failures >= archiveLimits.searchFailuresMax)
      return undefined
    for (const settings of this.#candidates(stream.levelHint)) {
      if (!this.#recreates(stream, settings)) continue
      this.#recent = [settings, ...this.#recent.filter((other) => other !== settings)].slice(0, 8)
      return settings
    }
    this.#failures++
    return undefined
  }

  *#candidates(levelHint: number): Generator<DeflateSettings> {
    const recent = this.#recent
    yield* recent.slice(0, 2)
    if (this.#vainBytes > archiveLimits.searchVainBytesMax) {
      if (recent.length === 0) yield settingsOf('zlib', levelHint)
      return
    }
    yield* recent.slice(2)
    for (const settings of candidates(levelHint)) {
      if (!recent.includes(settings)) yield settings
    }
  }

  #recreates(stream: PackedStream, settings: DeflateSettings): boolean {
    let at = stream.start
    let taken = 0
    const deflater = createDeflater(settings, (piece) => {
      const end = at + piece.length
      const expected = end > stream.end ? undefined : readRange(stream.source, at, end)
      if (expected === undefined || !sameBytes(expected, piece)) throw new Mismatch()
      at = end
    })
    try {
      stream.content.each((piece) => {
        for (let from = 0; from < piece.length; from += archiveLimits.pieceBytes) {
          const part = piece.subarray(from, from + archiveLimits.pieceBytes)
          taken += part.length
          deflater.push(part)
        }
      })
      deflater.finish()
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error
      this.#vainBytes += taken
      return false
    }
    return at === stream.end
  }
}

const cache = new Map<number, readonly DeflateSettings[]>()

/** All settings that are tried, likely ones first. */
function candidates(levelHint: number): readonly DeflateSettings[] {
  const known = cache.get(levelHint)
  if (known !== undefined) return known
  const levels = [...new Set([levelHint, 6, 9, 1, 5, 4, 3, 2, 7, 8])]
  const list = levels.flatMap((level) => [
    settingsOf('zlib', level),
    settingsOf('chromium', level),
    settingsOf('gzip', level),
    settingsOf('zlib', level, 9),
    settingsOf('chromium', level, 9),
  ])
  for (const level of [levelHint, 6, 9]) {
    const usual = settingsOf('zlib', level)
    for (const strategy of [1, 2, 3, 4]) list.push({ ...usual, strategy })
    for (const windowBits of [14, 13, 12]) list.push({ ...usual, windowBits })
    for (const memLevel of [7, 5, 4, 1]) list.push({ ...usual, memLevel })
  }
  list.push(settingsOf('zlib', 0))
  cache.set(levelHint, list)
  return list
}
