import { type EntityTag, parseEntityTag } from './entity-tags.ts'
import { fieldLimits } from './limits.ts'
import { trimField } from './request-headers.ts'

/** Bytes `first` to `last`, both included, of a representation. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

export type RangeOutcome =
  /** No usable Range: the whole representation is answered. */
  | { readonly kind: 'none' }
  | { readonly kind: 'ranges'; readonly ranges: readonly ByteRange[] }
  /** Well-formed, but nothing of it lies inside: 416. */
  | { readonly kind: 'unsatisfiable' }

/**
 * Resolves a Range field against a representation of `size` bytes (RFC 9110 14.1.2, 14.2).
 * Another unit, a malformed value and too many ranges are ignored, as the RFC allows.
 */
export function resolveRange(text: string | undefined, size: number): RangeOutcome {
  if (text === undefined || !/^bytes[ \t]*=/i.test(text)) return { kind: 'none' }
  const specs = text.slice(text.indexOf('=') + 1).split(',', fieldLimits.rangesMax + 1)
  if (specs.length > fieldLimits.rangesMax) return { kind: 'none' }
  const ranges: ByteRange[] = []
  let wellFormed = 0
  for (const spec of specs) {
    const words = trimField(spec)
    if (words === '') continue
    const match = /^(\d{0,16})-(\d{0,16})$/.exec(words)
    if (match === null || words === '-') return { kind: 'none' }
    const range = resolveSpec(match[1] ?? '', match[2] ?? '', size)
    if (range === 'malformed') return { kind: 'none' }
    wellFormed++
    if (range !== 'outside') ranges.push(range)
  }
  if (wellFormed === 0) return { kind: 'none' }
  return ranges.length === 0 ? { kind: 'unsatisfiable' } : { kind: 'ranges', ranges }
}

function resolveSpec(from: string, to: string, size: number): ByteRange | 'outside' | 'malformed' {
  if (from === '') {
    const suffix = Math.min(Number(to), size)
    return suffix === 0 ? 'outside' : { first: size - suffix, last: size - 1 }
  }
  const first = Number(from)
  if (to !== '' && Number(to) < first) return 'malformed'
  if (first >= size) return 'outside'
  return { first, last: to === '' ? size - 1 : Math.min(Number(to), size - 1) }
}

/** `Content-Range` of a 206 (RFC 9110 14.4). */
export function formatContentRange(range: ByteRange, size: number): string {
  return `bytes ${range.first}-${range.last}/${size}`
}

/** `Content-Range` of a 416. */
export function formatUnsatisfiedRange(size: number): string {
  return `bytes */${size}`
}

/** Parses `Content-Range: bytes 0-499/1234` (or with `*` as size); undefined when malformed. */
export function parseContentRange(
  text: string,
): (ByteRange & { readonly size: number | undefined }) | undefined {
  const match = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/i.exec(text)
  if (match === null) return undefined
  const [first, last] = [Number(match[1]), Number(match[2])]
  const size = match[3] === '*' ? undefined : Number(match[3])
  if (![first, last, size ?? 0].every(Number.isSafeInteger)) return undefined
  if (last < first || (size !== undefined && last >= size)) return undefined
  return { first, last, size }
}

/** `If-Range` (RFC 9110 13.1.5): an entity tag, or a date in milliseconds. */
export type IfRange =
  | { readonly kind: 'tag'; readonly tag: EntityTag }
  | { readonly kind: 'date'; readonly atMs: number }

/** Parses `If-Range`; undefined when malformed. */
export function parseIfRange(text: string): IfRange | undefined {
  const tag = parseEntityTag(text)
  if (tag !== undefined) return { kind: 'tag', tag }
  const atMs = parseHttpDate(text)
  return atMs === undefined ? undefined : { kind: 'date', atMs }
}

/** Parses an IMF-fixdate (RFC 9110 5.6.7), the one form that senders may generate. */
export function parseHttpDate(text: string): number | undefined {
  if (!/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(text)) return undefined
  const atMs = Date.parse(text)
  // Writing it again finds wrong week days and the 31st of June.
  return Number.isNaN(atMs) || new Date(atMs).toUTCString() !== text ? undefined : atMs
}
