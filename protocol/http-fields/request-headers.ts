import { fieldLimits } from './limits.ts'

/** Header fields by lower-case name, as node:http and Fastify hand them over. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * The value of one field, several lines joined as RFC 9110 5.3 says, without outer white space.
 * Undefined when the field is absent or longer than any value that is understood here.
 */
export function fieldValue(headers: RequestHeaders, name: string): string | undefined {
  const value = headers[name]
  if (value === undefined) return undefined
  const text = typeof value === 'string' ? value : value.join(', ')
  if (text.length > fieldLimits.fieldCharactersMax) return undefined
  return trimField(text)
}

/** Removes optional white space (RFC 9110 5.6.3) at both ends without a backtracking pattern. */
export function trimField(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

function isBlank(unit: number): boolean {
  return unit === 0x20 || unit === 0x09
}
