import { fieldLimits } from './limits.ts'
import { parseDictionary, parseItem } from './structured-parser.ts'
import { formatDictionary, formatMember } from './structured-serializer.ts'
import { isInnerList, type Member, structured } from './structured-values.ts'

/** What `Use-As-Dictionary` says of a response (RFC 9842 2.1). */
export interface DictionaryUse {
  /** URL pattern, without groups, of what the response may be a dictionary for. */
  readonly match: string
  /** Request destinations; none means all. */
  readonly matchDest: readonly string[]
  readonly id: string
}

/** Writes `Use-As-Dictionary`. @throws TypeError when `match` is not ASCII or `id` is too long. */
export function formatUseAsDictionary(use: {
  readonly match: string
  readonly matchDest?: readonly string[]
  readonly id?: string
}): string {
  const members = new Map<string, Member>([['match', structured.string(use.match)]])
  if (use.matchDest !== undefined && use.matchDest.length > 0) {
    members.set('match-dest', structured.list(use.matchDest.map(structured.string)))
  }
  if (use.id !== undefined && use.id !== '') {
    if (use.id.length > fieldLimits.dictionaryIdCharactersMax) throw new TypeError('id too long')
    members.set('id', structured.string(use.id))
  }
  return formatDictionary(members)
}

/**
 * Parses `Use-As-Dictionary`; undefined when it is malformed, has no `match`, or names a type
 * other than `raw`: such a response must not be used as a dictionary (RFC 9842 2.1.4).
 */
export function parseUseAsDictionary(text: string): DictionaryUse | undefined {
  const members = parseDictionary(text)
  const match = stringOf(members?.get('match'))
  const id = members?.has('id') ? stringOf(members.get('id')) : ''
  const matchDest = destinationsOf(members?.get('match-dest'))
  if (match === undefined || id === undefined || matchDest === undefined) return undefined
  if (id.length > fieldLimits.dictionaryIdCharactersMax) return undefined
  const type = members?.get('type')
  if (type !== undefined) {
    if (isInnerList(type) || type.item.kind !== 'token' || type.item.value !== 'raw') {
      return undefined
    }
  }
  return { match, matchDest, id }
}

function stringOf(member: Member | undefined): string | undefined {
  if (member === undefined || isInnerList(member) || member.item.kind !== 'string') return undefined
  return member.item.value
}

function destinationsOf(member: Member | undefined): readonly string[] | undefined {
  if (member === undefined) return []
  if (!isInnerList(member)) return undefined
  const names = member.items.map(stringOf)
  return names.every((name) => name !== undefined) ? names : undefined
}

/** Writes `Dictionary-ID` (RFC 9842 2.3). */
export function formatDictionaryId(id: string): string {
  return formatMember(structured.string(id))
}

/** Parses `Dictionary-ID`; undefined when malformed. The hash still has to be compared. */
export function parseDictionaryId(text: string): string | undefined {
  const id = stringOf(parseItem(text))
  return id !== undefined && id.length <= fieldLimits.dictionaryIdCharactersMax ? id : undefined
}

/**
 * The URL pattern that matches exactly one path: what is special in a pattern is escaped.
 * @param path the percent-encoded path of a URL, without query.
 */
export function patternOfPath(path: string): string {
  return path.replace(/[*+?{}():\\]/g, '\\$&')
}
