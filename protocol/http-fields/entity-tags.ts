import { fieldLimits } from './limits.ts'
import { trimField } from './request-headers.ts'

/** RFC 9110 8.8.3. */
export interface EntityTag {
  readonly weak: boolean
  /** What stands between the quotes. */
  readonly opaque: string
}

/** @throws TypeError for characters that an entity tag cannot hold: a programmer's mistake. */
export function formatEntityTag(tag: EntityTag): string {
  if (!/^[\x21\x23-\x7e\x80-\xff]*$/.test(tag.opaque)) throw new TypeError('not an entity tag')
  return `${tag.weak ? 'W/' : ''}"${tag.opaque}"`
}

/** Parses one entity tag; undefined when malformed. */
export function parseEntityTag(text: string): EntityTag | undefined {
  const tags = parseEntityTags(trimField(text))
  return tags !== '*' && tags?.length === 1 ? tags[0] : undefined
}

/** Parses `If-None-Match` and `If-Match` (RFC 9110 13.1): `*` or a list; undefined if malformed. */
export function parseEntityTags(text: string): '*' | readonly EntityTag[] | undefined {
  if (text === '*') return '*'
  if (text.length > fieldLimits.fieldCharactersMax) return undefined
  const tags: EntityTag[] = []
  const pattern = /[ \t]*(?:(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*)?(,|$)/y
  // RFC 9110 5.6.1: a recipient takes empty list elements.
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text)
    if (match === null) return undefined
    if (match[2] !== undefined) tags.push({ weak: match[1] !== undefined, opaque: match[2] })
    if (tags.length > fieldLimits.membersMax) return undefined
    if (match[3] === '') break
  }
  return tags.length === 0 ? undefined : tags
}

/** RFC 9110 8.8.3.2: both strong and the same characters; what If-Match and If-Range ask for. */
export function matchesStrongly(a: EntityTag, b: EntityTag): boolean {
  return !a.weak && !b.weak && a.opaque === b.opaque
}

/** RFC 9110 8.8.3.2: the same characters; what If-None-Match asks for. */
export function matchesWeakly(a: EntityTag, b: EntityTag): boolean {
  return a.opaque === b.opaque
}
