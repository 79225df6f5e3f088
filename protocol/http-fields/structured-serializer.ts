import { assertNever } from '../errors.ts'
import {
  type BareItem,
  type Dictionary,
  isInnerList,
  type Member,
  type Parameters,
} from './structured-values.ts'

/**
 * Writes a structured Dictionary (RFC 9651 4.1.2).
 * @throws TypeError for a value that the format cannot say: a programmer's mistake.
 */
export function formatDictionary(dictionary: Dictionary): string {
  const parts: string[] = []
  for (const [key, member] of dictionary) {
    const name = formatKey(key)
    if (!isInnerList(member) && member.item.kind === 'boolean' && member.item.value) {
      parts.push(name + formatParameters(member.parameters))
    } else parts.push(`${name}=${formatMember(member)}`)
  }
  return parts.join(', ')
}

/** Writes a structured List (RFC 9651 4.1.1). */
export function formatList(members: readonly Member[]): string {
  return members.map(formatMember).join(', ')
}

/** Writes one Item or Inner List (RFC 9651 4.1.1.1, 4.1.3). */
export function formatMember(member: Member): string {
  const parameters = formatParameters(member.parameters)
  if (!isInnerList(member)) return formatBareItem(member.item) + parameters
  return `(${member.items.map(formatMember).join(' ')})${parameters}`
}

function formatParameters(parameters: Parameters): string {
  let text = ''
  for (const [key, value] of parameters) {
    text += `;${formatKey(key)}`
    if (value.kind !== 'boolean' || !value.value) text += `=${formatBareItem(value)}`
  }
  return text
}

function formatKey(key: string): string {
  return /^[a-z*][a-z0-9_\-.*]*$/.test(key) ? key : refuse('key')
}

function refuse(what: string): never {
  throw new TypeError(`not a structured ${what}`)
}

function formatBareItem(item: BareItem): string {
  switch (item.kind) {
    case 'integer':
      return formatInteger(item.value)
    case 'date':
      return `@${formatInteger(item.value)}`
    case 'decimal':
      return formatDecimal(item.value)
    case 'string':
      if (!/^[\x20-\x7e]*$/.test(item.value)) refuse('string')
      return `"${item.value.replace(/(["\\])/g, '\\$1')}"`
    case 'token':
      if (!/^[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*$/.test(item.value)) refuse('token')
      return item.value
    case 'bytes':
      return `:${Buffer.from(item.value).toString('base64')}:`
    case 'boolean':
      return item.value ? '?1' : '?0'
    case 'display-string':
      return formatDisplayString(item.value)
    default:
      return assertNever(item)
  }
}

function formatInteger(value: number): string {
  if (!Number.isInteger(value) || Math.abs(value) > 999_999_999_999_999) refuse('integer')
  return String(value)
}

function formatDecimal(value: number): string {
  if (!Number.isFinite(value) || Math.abs(value) >= 1e12) refuse('decimal')
  return value.toFixed(3).replace(/0{1,2}$/, '')
}

function formatDisplayString(value: string): string {
  if (!value.isWellFormed()) refuse('display string')
  let text = ''
  for (const byte of Buffer.from(value)) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x25 && byte !== 0x22
    text += plain ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`
  }
  return `%"${text}"`
}
