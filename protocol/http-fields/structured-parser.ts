import { fieldLimits } from './limits.ts'
import type {
  BareItem,
  Dictionary,
  InnerList,
  Item,
  Member,
  Parameters,
} from './structured-values.ts'

/**
 * Parses a structured Dictionary (RFC 9651 4.2.2).
 * Undefined when it is malformed: the whole field is then ignored, as RFC 9651 4.2 asks.
 */
export function parseDictionary(text: string): Dictionary | undefined {
  return attempt(text, readDictionary)
}

/** Parses a structured List (RFC 9651 4.2.1); undefined when malformed. */
export function parseList(text: string): readonly Member[] | undefined {
  return attempt(text, readList)
}

/** Parses a structured Item (RFC 9651 4.2.3); undefined when malformed. */
export function parseItem(text: string): Item | undefined {
  return attempt(text, readItem)
}

interface Cursor {
  readonly text: string
  at: number
}

/** Leaves the parser at the first wrong character; never reaches a caller. */
class Malformed extends Error {}

function attempt<Value>(text: string, read: (cursor: Cursor) => Value): Value | undefined {
  if (text.length > fieldLimits.fieldCharactersMax) return undefined
  const cursor: Cursor = { text, at: 0 }
  try {
    skipSpaces(cursor)
    const value = read(cursor)
    skipSpaces(cursor)
    return cursor.at === text.length ? value : undefined
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

function peek(cursor: Cursor): string {
  return cursor.text[cursor.at] ?? ''
}

function take(cursor: Cursor, expected: string): void {
  if (peek(cursor) !== expected) throw new Malformed()
  cursor.at++
}

function skipSpaces(cursor: Cursor): void {
  while (peek(cursor) === ' ') cursor.at++
}

function skipBlank(cursor: Cursor): void {
  while (peek(cursor) === ' ' || peek(cursor) === '\t') cursor.at++
}

/** Takes the characters that a sticky pattern matches here; at least one. */
function takeRun(cursor: Cursor, pattern: RegExp): string {
  pattern.lastIndex = cursor.at
  const run = pattern.exec(cursor.text)?.[0]
  if (run === undefined || run === '') throw new Malformed()
  cursor.at += run.length
  return run
}

/** Steps over the comma between members; false at the end. A trailing comma is malformed. */
function nextMember(cursor: Cursor, count: number): boolean {
  skipBlank(cursor)
  if (cursor.at === cursor.text.length) return false
  take(cursor, ',')
  skipBlank(cursor)
  if (cursor.at === cursor.text.length || count >= fieldLimits.membersMax) throw new Malformed()
  return true
}

function readDictionary(cursor: Cursor): Dictionary {
  const members = new Map<string, Member>()
  if (cursor.at === cursor.text.length) return members
  let count = 0
  do {
    const key = readKey(cursor)
    const member = readDictionaryValue(cursor)
    // RFC 9651 4.2.2: the last one wins, and takes its place at the end.
    members.delete(key)
    members.set(key, member)
  } while (nextMember(cursor, ++count))
  return members
}

function readDictionaryValue(cursor: Cursor): Member {
  if (peek(cursor) !== '=') {
    return { item: { kind: 'boolean', value: true }, parameters: readParameters(cursor) }
  }
  cursor.at++
  return readMember(cursor)
}

function readList(cursor: Cursor): readonly Member[] {
  const members: Member[] = []
  if (cursor.at === cursor.text.length) return members
  do members.push(readMember(cursor))
  while (nextMember(cursor, members.length))
  return members
}

function readMember(cursor: Cursor): Member {
  return peek(cursor) === '(' ? readInnerList(cursor) : readItem(cursor)
}

function readInnerList(cursor: Cursor): InnerList {
  take(cursor, '(')
  const items: Item[] = []
  for (;;) {
    skipSpaces(cursor)
    if (peek(cursor) === ')') break
    if (items.length >= fieldLimits.membersMax) throw new Malformed()
    items.push(readItem(cursor))
    if (peek(cursor) !== ' ' && peek(cursor) !== ')') throw new Malformed()
  }
  cursor.at++
  return { items, parameters: readParameters(cursor) }
}

function readItem(cursor: Cursor): Item {
  const item = readBareItem(cursor)
  return { item, parameters: readParameters(cursor) }
}

function readParameters(cursor: Cursor): Parameters {
  const parameters = new Map<string, BareItem>()
  for (let count = 0; peek(cursor) === ';'; count++) {
    if (count >= fieldLimits.membersMax) throw new Malformed()
    cursor.at++
    skipSpaces(cursor)
    const key = readKey(cursor)
    let value: BareItem = { kind: 'boolean', value: true }
    if (peek(cursor) === '=') {
      cursor.at++
      value = readBareItem(cursor)
    }
    parameters.delete(key)
    parameters.set(key, value)
  }
  return parameters
}

function readKey(cursor: Cursor): string {
  return takeRun(cursor, /[a-z*][a-z0-9_\-.*]*/y)
}

function readBareItem(cursor: Cursor): BareItem {
  const first = peek(cursor)
  if (first === '"') return { kind: 'string', value: readString(cursor) }
  if (first === ':') return { kind: 'bytes', value: readBytes(cursor) }
  if (first === '?') return readBoolean(cursor)
  if (first === '@') return readDate(cursor)
  if (first === '%') return { kind: 'display-string', value: readDisplayString(cursor) }
  if (first === '-' || (first >= '0' && first <= '9')) return readNumber(cursor)
  return { kind: 'token', value: takeRun(cursor, /[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*/y) }
}

function readNumber(cursor: Cursor): BareItem {
  const text = takeRun(cursor, /-?[0-9]+(?:\.[0-9]*)?/y)
  const [whole = '', fraction] = text.replace('-', '').split('.')
  if (fraction === undefined) {
    if (whole.length > 15) throw new Malformed()
    return { kind: 'integer', value: Number(text) }
  }
  if (whole.length > 12 || fraction.length < 1 || fraction.length > 3) throw new Malformed()
  return { kind: 'decimal', value: Number(text) }
}

function readDate(cursor: Cursor): BareItem {
  take(cursor, '@')
  const number = readNumber(cursor)
  if (number.kind !== 'integer') throw new Malformed()
  return { kind: 'date', value: number.value }
}

function readBoolean(cursor: Cursor): BareItem {
  return { kind: 'boolean', value: takeRun(cursor, /\?[01]/y) === '?1' }
}

function readString(cursor: Cursor): string {
  const quoted = takeRun(cursor, /"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"/y)
  return quoted.slice(1, -1).replace(/\\(["\\])/g, '$1')
}

function readBytes(cursor: Cursor): Uint8Array {
  const text = takeRun(cursor, /:[A-Za-z0-9+/]*={0,2}:/y).slice(1, -1)
  // RFC 9651 4.2.7 lets a reader take missing padding; a lone last digit codes no byte.
  if (text.replace(/=/g, '').length % 4 === 1) throw new Malformed()
  return new Uint8Array(Buffer.from(text, 'base64'))
}

function readDisplayString(cursor: Cursor): string {
  const quoted = takeRun(cursor, /%"(?:[\x20\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*"/y)
  try {
    return decodeURIComponent(quoted.slice(2, -1))
  } catch {
    throw new Malformed()
  }
}
