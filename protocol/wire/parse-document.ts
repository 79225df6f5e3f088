import type { Static, TSchema } from 'typebox'
import { Errors } from 'typebox/value'
import { Check } from 'typebox/value'
import { formatError } from '../format-errors.ts'

/**
 * Parses a JSON document of the wire against its schema and lists every finding.
 * @throws LW_FORMAT_JSON, LW_FORMAT_DOCUMENT
 */
export function parseDocument<Schema extends TSchema>(
  schema: Schema,
  bytes: Uint8Array | string,
): Static<Schema> {
  let value: unknown
  try {
    const text =
      typeof bytes === 'string' ? bytes : new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    value = JSON.parse(text)
  } catch (cause) {
    throw formatError('LW_FORMAT_JSON', { cause })
  }
  return checkDocument(schema, value)
}

/** @throws LW_FORMAT_DOCUMENT */
export function checkDocument<Schema extends TSchema>(
  schema: Schema,
  value: unknown,
): Static<Schema> {
  if (!Check(schema, value)) {
    const findings = [...Errors(schema, value)]
      .slice(0, 20)
      .map((finding) => `${finding.instancePath || 'document'} ${finding.message}`)
    throw formatError('LW_FORMAT_DOCUMENT', {
      detail: `${findings.join('; ')}.`,
      members: { findings },
    })
  }
  return value as Static<Schema>
}
