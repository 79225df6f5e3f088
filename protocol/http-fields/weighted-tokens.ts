import { fieldLimits } from './limits.ts'
import { trimField } from './request-headers.ts'

/** Tokens in lower case with their weights 0..1; a token that is named twice keeps its last. */
export type WeightedTokens = ReadonlyMap<string, number>

/**
 * Parses `Accept-Encoding` (RFC 9110 12.5.3) and `A-IM` (RFC 3229 10.5.3): tokens with optional
 * `;q=`. Undefined when malformed; the field is then treated as absent.
 */
export function parseWeightedTokens(text: string): WeightedTokens | undefined {
  if (text.length > fieldLimits.fieldCharactersMax) return undefined
  const tokens = new Map<string, number>()
  for (const element of text.split(',')) {
    const [name = '', ...parameters] = element.split(';').map(trimField)
    if (name === '' && parameters.length === 0) continue
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) return undefined
    let weight = 1
    for (const parameter of parameters) {
      const q = /^q[ \t]*=[ \t]*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i.exec(parameter)
      if (q?.[1] !== undefined) weight = Number(q[1])
      else if (/^q[ \t]*=/i.test(parameter)) return undefined
    }
    tokens.set(name.toLowerCase(), weight)
    if (tokens.size > fieldLimits.membersMax) return undefined
  }
  return tokens
}

/** The weight that the sender gives a content coding; 0 when it is not acceptable. */
export function weightOf(tokens: WeightedTokens | undefined, token: string): number {
  return tokens?.get(token) ?? tokens?.get('*') ?? 0
}
