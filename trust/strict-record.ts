import { type LongwaveError, formatError } from '../protocol/index.ts'

export type StrictRecord = Readonly<Record<string, unknown>>

/** The refusal of a document that parsed but does not have its format. */
export function malformed(document: string, why: string, cause?: unknown): LongwaveError {
  return formatError('LW_FORMAT_DOCUMENT', { detail: `${document}: ${why}.`, cause })
}

/** A JSON object, nothing else. @throws LW_FORMAT_DOCUMENT */
export function recordOf(document: string, what: string, value: unknown): StrictRecord {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(document, `${what} is not an object`)
  }
  return value as StrictRecord
}

/** A JSON object with exactly these members. @throws LW_FORMAT_DOCUMENT */
export function exactRecord(
  document: string,
  what: string,
  value: unknown,
  members: { readonly required: readonly string[]; readonly optional?: readonly string[] },
): StrictRecord {
  const record = recordOf(document, what, value)
  const known = [...members.required, ...(members.optional ?? [])]
  const unknown = Object.keys(record).filter((name) => !known.includes(name))
  const missing = members.required.filter((name) => !Object.hasOwn(record, name))
  if (unknown.length > 0) throw malformed(document, `${what} has unknown members`)
  if (missing.length > 0) throw malformed(document, `${what} lacks ${missing.join(', ')}`)
  return record
}

/**
 * A JSON object with these members and perhaps others that a later version adds (TUF 4.1 asks to
 * ignore them). Names that mean something to JavaScript objects are refused.
 * @throws LW_FORMAT_DOCUMENT
 */
export function openRecord(
  document: string,
  what: string,
  value: unknown,
  required: readonly string[],
): StrictRecord {
  const record = recordOf(document, what, value)
  for (const name of Object.keys(record)) {
    if (!/^_?[a-z][A-Za-z0-9_]{0,63}$/.test(name) || name in Object.prototype) {
      throw malformed(document, `${what} has a member with a forbidden name`)
    }
  }
  const missing = required.filter((name) => !Object.hasOwn(record, name))
  if (missing.length > 0) throw malformed(document, `${what} lacks ${missing.join(', ')}`)
  return record
}

/** An integer from `min` that every JSON parser reads alike. @throws LW_FORMAT_DOCUMENT */
export function integerOf(
  document: string,
  what: string,
  value: unknown,
  range: { readonly min: number; readonly max?: number },
): number {
  const max = range.max ?? Number.MAX_SAFE_INTEGER
  if (!Number.isSafeInteger(value) || (value as number) < range.min || (value as number) > max) {
    throw malformed(document, `${what} is not an integer from ${range.min} to ${max}`)
  }
  return value as number
}
