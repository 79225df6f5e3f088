import type { DeflateSettings } from './deflate-settings.ts'
import { encodeSettings, parseSettings, settingsBytes } from './deflate-settings.ts'
import { refused } from './errors.ts'
import { archiveLimits } from './limits.ts'
import { addVarintByte, encodeVarint, varintBytesMax } from './varint.ts'

/** First byte of a recipe: the version of recipe and view. */
export const recipeVersion = 1

/** With which settings each stream of a view is deflated, in the order of the view. */
export interface Recipe {
  settingsAt(stream: number): DeflateSettings
}

/**
 * Version, number of settings, the settings (the first is the default), then one pair for each
 * run of streams that departs from the default: streams since the last run, and
 * `run length × number of settings + index`.
 */
export function encodeRecipe(chosen: readonly DeflateSettings[]): Uint8Array {
  const table: Uint8Array[] = []
  const keys = new Map<string, number>()
  const counts: number[] = []
  const indexes = chosen.map((settings) => {
    const bytes = encodeSettings(settings)
    const key = bytes.join()
    let index = keys.get(key)
    if (index === undefined) {
      index = table.length
      keys.set(key, index)
      table.push(bytes)
      counts.push(0)
    }
    counts[index] = (counts[index] ?? 0) + 1
    return index
  })
  const order = counts.map((_, index) => index)
  order.sort((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0) || a - b)
  const rank = new Map(order.map((index, place) => [index, place]))
  const parts = [Uint8Array.of(recipeVersion), encodeVarint(table.length)]
  for (const index of order) parts.push(table[index] ?? new Uint8Array(0))
  let since = 0
  for (let at = 0; at < indexes.length; ) {
    const place = rank.get(indexes[at] ?? 0) ?? 0
    let end = at + 1
    while (end < indexes.length && indexes[end] === indexes[at]) end++
    if (place !== 0) {
      parts.push(encodeVarint(at - since), encodeVarint((end - at) * table.length + place))
      since = end
    }
    at = end
  }
  return Buffer.concat(parts)
}

/**
 * Reads a recipe from outside.
 * @throws LW_DELTA_ARCHIVE when it is not one, or is larger than its limit.
 */
export function parseRecipe(bytes: Uint8Array): Recipe {
  if (bytes.length > archiveLimits.recipeBytesMax) throw refused('The recipe is too large.')
  const reader = recipeReader(bytes)
  if (reader.byte() !== recipeVersion) throw refused('The recipe has another version.')
  const count = reader.varint()
  if (count > archiveLimits.recipeSettingsMax) throw refused('The recipe has too many settings.')
  const table: DeflateSettings[] = []
  for (let index = 0; index < count; index++) {
    const settings = parseSettings(reader.take(settingsBytes))
    if (settings === undefined)
      throw refused('The recipe names deflate settings that do not exist.')
    table.push(settings)
  }
  const starts: number[] = []
  const ends: number[] = []
  const places: number[] = []
  let position = 0
  while (!reader.atEnd()) {
    const start = position + reader.varint()
    const word = reader.varint()
    const length = count === 0 ? 0 : Math.floor(word / count)
    if (length === 0) throw refused('The recipe has an empty run.')
    position = start + length
    starts.push(start)
    ends.push(position)
    places.push(word % count)
  }
  return { settingsAt: settingsLookup(table, { starts, ends, places }) }
}

interface Runs {
  readonly starts: readonly number[]
  readonly ends: readonly number[]
  readonly places: readonly number[]
}

/** Streams are asked for in ascending order, so the runs are walked once. */
function settingsLookup(table: readonly DeflateSettings[], runs: Runs) {
  let run = 0
  return (stream: number): DeflateSettings => {
    while (run < runs.ends.length && stream >= (runs.ends[run] ?? 0)) run++
    const inRun = run < runs.starts.length && stream >= (runs.starts[run] ?? 0)
    const settings = table[inRun ? (runs.places[run] ?? 0) : 0]
    if (settings === undefined) throw refused('The recipe lacks the settings of a stream.')
    return settings
  }
}

function recipeReader(bytes: Uint8Array) {
  let at = 0
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw refused('The recipe ends too early.')
    at += length
    return bytes.subarray(at - length, at)
  }
  const byte = (): number => take(1)[0] ?? 0
  return {
    take,
    byte,
    atEnd: () => at === bytes.length,
    varint() {
      let value = 0
      for (let index = 0; index < varintBytesMax; index++) {
        const next = byte()
        value = addVarintByte(value, next, index)
        if (next < 128) return value
      }
      throw refused('The recipe has a number without end.')
    },
  }
}
