import { formatError } from './format-errors.ts'
import { limits as formatLimits } from './limits.ts'

/** A JSON value as RFC 8785 sees it. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined }

/**
 * RFC 8785 (JCS): the one byte form of a JSON value; members whose value is undefined are left out.
 * @throws TypeError for values that JSON cannot say (NaN, lone surrogates): a programmer's mistake.
 */
export function canonicalJson(value: Json): string {
  return encode(value, 0)
}

function encode(value: Json | undefined, depth: number): string {
  if (depth > formatLimits.jsonDepthMax) throw new TypeError('nested too deep for canonical JSON')
  switch (typeof value) {
    case 'string':
      return encodeString(value)
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError('not a JSON number')
      return JSON.stringify(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      break
    default:
      throw new TypeError(`not a JSON value: ${typeof value}`)
  }
  if (value === null) return 'null'
  if (Array.isArray(value)) {
    return `[${value.map((item: Json) => encode(item, depth + 1)).join(',')}]`
  }
  const object = value as { readonly [key: string]: Json | undefined }
  const parts: string[] = []
  // Array.prototype.sort without a comparator orders by UTF-16 code units, as RFC 8785 3.2.3 asks.
  for (const key of Object.keys(object).sort()) {
    const member = object[key]
    if (member !== undefined) parts.push(`${encodeString(key)}:${encode(member, depth + 1)}`)
  }
  return `{${parts.join(',')}}`
}

function encodeString(text: string): string {
  // JSON.stringify would write a lone surrogate as an escape, which RFC 8785 3.2.2.2 forbids.
  if (!text.isWellFormed()) throw new TypeError('lone surrogate in canonical JSON')
  return JSON.stringify(text)
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Parses bytes that must be in canonical form. Whatever two parsers could read differently
 * (duplicate members, white space, a byte order mark, 1e3, escapes for plain letters, trailing
 * bytes) re-encodes to other bytes and is refused.
 * @throws LW_FORMAT_JSON, LW_FORMAT_TOO_LARGE
 */
export function parseCanonicalJson(
  bytes: Uint8Array,
  limits: {
    readonly bytesMax: number
    /** Values as `refuseSprawl` counts them; what fits into the bytes when left out. */
    readonly valuesMax?: number
  },
): Json {
  if (bytes.byteLength > limits.bytesMax) {
    throw formatError('LW_FORMAT_TOO_LARGE', {
      detail: `${bytes.byteLength} bytes, at most ${limits.bytesMax} are read.`,
    })
  }
  let text: string
  try {
    text = decoder.decode(bytes)
    refuseSprawl(text, limits.valuesMax)
  } catch (cause) {
    throw formatError('LW_FORMAT_JSON', { cause, detail: String((cause as Error).message) })
  }
  return parseCanonicalText(text)
}

/**
 * Parses text that must be in canonical form and was bounded before: by its length, by
 * `refuseSprawl`.
 * @throws LW_FORMAT_JSON
 */
export function parseCanonicalText(text: string): Json {
  try {
    const value = JSON.parse(text) as Json
    if (!isCanonical(text, value)) throw new TypeError('not in canonical form')
    return value
  } catch (cause) {
    throw formatError('LW_FORMAT_JSON', { cause, detail: String((cause as Error).message) })
  }
}

/**
 * Whether text is the canonical form of what was parsed from it. The engine's own writer, many
 * times faster than ours, says the same where it meets the members in order and no lone surrogate.
 */
function isCanonical(text: string, value: Json): boolean {
  const isPlain = JSON.stringify(value) === text && !text.includes('\\ud') && isInOrder(value)
  return isPlain || canonicalJson(value) === text
}

/** Whether the members of every object stand in the order of RFC 8785. */
function isInOrder(value: Json | undefined): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isInOrder)
  const members = value as { readonly [key: string]: Json | undefined }
  let previous: string | undefined
  for (const key of Object.keys(members)) {
    if (previous !== undefined && key <= previous) return false
    previous = key
    if (!isInOrder(members[key])) return false
  }
  return true
}

/**
 * Looks at the outline of JSON in one pass, before a parser makes values of what nobody is going to
 * read: a few bytes, compressed, are millions of them.
 * @param valuesMax objects, lists and what commas divide; the other separators do not count
 * @throws TypeError beyond `valuesMax` or `jsonDepthMax`
 */
export function refuseSprawl(text: string, valuesMax = Number.POSITIVE_INFINITY): void {
  let depth = 0
  let values = 1
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === quote) i = endOfString(text, i)
    else if (unit === 0x7b || unit === 0x5b) {
      values++
      if (++depth > formatLimits.jsonDepthMax) throw new TypeError('nested too deep')
    } else if (unit === 0x7d || unit === 0x5d) depth--
    else if (unit === 0x2c && ++values > valuesMax) throw new TypeError('too many values')
  }
}

const quote = 0x22
const backslash = 0x5c

/** Where the string that begins at `from` ends; the end of the text when it does not. */
function endOfString(text: string, from: number): number {
  for (let at = from + 1; ; at++) {
    at = text.indexOf('"', at)
    if (at === -1) return text.length
    let before = at - 1
    while (text.charCodeAt(before) === backslash) before--
    // An even number of backslashes escapes each other, not the quote.
    if ((at - before) % 2 === 1) return at
  }
}
