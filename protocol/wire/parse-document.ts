import { refuseSprawl } from '../canonical-json.ts'
import { formatError } from '../format-errors.ts'
import { findingsOf, type Schema, valuesMaxOf } from '../schemas/index.ts'

/** How many findings an error lists. */
const findingsMax = 20

/**
 * Parses a JSON document of the wire against its schema and lists every finding.
 * @throws LW_FORMAT_JSON, LW_FORMAT_DOCUMENT
 */
export function parseDocument<Value>(schema: Schema<Value>, bytes: Uint8Array | string): Value {
  let value: unknown
  try {
    const text =
      typeof bytes === 'string' ? bytes : new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    refuseSprawl(text, valuesMaxOf(schema))
    value = JSON.parse(text)
  } catch (cause) {
    throw formatError('LW_FORMAT_JSON', { cause })
  }
  return checkDocument(schema, value)
}

/** @throws LW_FORMAT_DOCUMENT */
export function checkDocument<Value>(schema: Schema<Value>, value: unknown): Value {
  const found = findingsOf(schema, value, findingsMax)
  if (found.length > 0) {
    const findings = found.map(({ at, says }) => `${at === '' ? 'document' : at} ${says}`)
    throw formatError('LW_FORMAT_DOCUMENT', {
      detail: `${findings.join('; ')}.`,
      members: { findings },
    })
  }
  return value as Value
}
