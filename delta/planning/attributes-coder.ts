import { canonicalJson, type Json } from '../../protocol/index.ts'
import { AdaptiveBits } from '../entropy/adaptive-bits.ts'
import type { BinaryCoder } from '../entropy/binary-coder.ts'
import { NumberModel } from '../entropy/number-model.ts'
import { TextModel } from '../entropy/text-model.ts'
import { deltaError } from '../errors.ts'
import { deltaLimits } from '../limits.ts'

/** Everything of a manifest but its entries. */
export type Attributes = Readonly<Record<string, Json | undefined>>

/**
 * Codes the new attributes against the old ones: the release as a step, the time of publication as
 * seconds, and whatever else changed as JSON text.
 */
export function codeAttributes(
  coder: BinaryCoder,
  old: Attributes,
  wanted: Attributes | undefined,
): Attributes {
  const numbers = new NumberModel(coder, 2)
  const flags = new AdaptiveBits(coder, 4)
  const oldRelease = Number(old['release'])
  const release =
    oldRelease + 1 + numbers.codeSigned(0, Number(wanted?.['release'] ?? 0) - oldRelease - 1)
  const oldTime = secondsOf(old['published'])
  const time = oldTime + numbers.codeSigned(1, secondsOf(wanted?.['published']) - oldTime)
  const result: Record<string, Json | undefined> = { ...old, release, published: timeText(time) }
  const changes = wanted === undefined ? {} : changesBetween(result, wanted)
  const changed = flags.code(0, Object.keys(changes).length > 0 ? 1 : 0)
  if (changed === 1) {
    const like = `{"label":${JSON.stringify(old['label'] ?? '')}}`
    const text = new TextModel(coder).code(
      canonicalJson(changes),
      deltaLimits.attributesBytesMax,
      like,
    )
    applyChanges(result, text)
  }
  return result
}

function secondsOf(time: Json | undefined): number {
  return typeof time === 'string' ? Math.floor(Date.parse(time) / 1000) : 0
}

function timeText(seconds: number): string {
  if (!(Math.abs(seconds) <= 8_640_000_000_000)) {
    throw deltaError('LW_DELTA_FORMAT', { detail: 'A time that does not exist.' })
  }
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}

/** Members that differ; `null` stands for one that is gone. No attribute is ever null itself. */
function changesBetween(from: Attributes, to: Attributes): Record<string, Json> {
  const changes: Record<string, Json> = {}
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const before = from[key]
    const after = to[key]
    if (after === undefined) {
      if (before !== undefined) changes[key] = null
    } else if (before === undefined || canonicalJson(before) !== canonicalJson(after)) {
      changes[key] = after
    }
  }
  return changes
}

function applyChanges(result: Record<string, Json | undefined>, text: string): void {
  let changes: Json
  try {
    changes = JSON.parse(text) as Json
  } catch (cause) {
    throw deltaError('LW_DELTA_FORMAT', { cause, detail: 'The attributes are not JSON.' })
  }
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes)) {
    throw deltaError('LW_DELTA_FORMAT', { detail: 'The attributes are no object.' })
  }
  for (const [key, value] of Object.entries(changes)) {
    if (key === '__proto__' || key === 'entries') {
      throw deltaError('LW_DELTA_FORMAT', { detail: 'An attribute that cannot be.' })
    }
    if (value === null) delete result[key]
    else result[key] = value as Json
  }
}
