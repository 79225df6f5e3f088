import { type Digest, digestFromBytes } from '../digest.ts'
import { formatDictionary, formatMember } from './structured-serializer.ts'
import { parseDictionary, parseItem } from './structured-parser.ts'
import { isInnerList, type Item, structured } from './structured-values.ts'

/** The value of `Repr-Digest` or `Content-Digest` (RFC 9530 2, 3) for a SHA-256. */
export function formatDigestField(sha256: Digest): string {
  return formatDictionary(new Map([['sha-256', structured.bytes(Buffer.from(sha256, 'hex'))]]))
}

/**
 * The SHA-256 of a `Repr-Digest` or `Content-Digest` field; undefined when the field is malformed
 * or has none. Weaker algorithms beside it are not looked at.
 */
export function parseDigestField(text: string): Digest | undefined {
  return digestOfBytes(parseDictionary(text)?.get('sha-256') as Item | undefined)
}

/**
 * How much a `Want-Repr-Digest` or `Want-Content-Digest` field (RFC 9530 4) wants SHA-256: 0 is
 * not at all, 10 is most. Undefined when the field is malformed or does not name it.
 */
export function parseWantedDigest(text: string): number | undefined {
  const member = parseDictionary(text)?.get('sha-256')
  if (member === undefined || isInnerList(member) || member.item.kind !== 'integer')
    return undefined
  const { value } = member.item
  return value >= 0 && value <= 10 ? value : undefined
}

/** The value of a field that is one SHA-256 as Byte Sequence, such as `Available-Dictionary`. */
export function formatDigestItem(sha256: Digest): string {
  return formatMember(structured.bytes(Buffer.from(sha256, 'hex')))
}

/** Parses a field that is one SHA-256 as Byte Sequence; undefined when it is anything else. */
export function parseDigestItem(text: string): Digest | undefined {
  return digestOfBytes(parseItem(text))
}

function digestOfBytes(member: Item | undefined): Digest | undefined {
  if (member === undefined || isInnerList(member) || member.item.kind !== 'bytes') return undefined
  return member.item.value.byteLength === 32 ? digestFromBytes(member.item.value) : undefined
}
