import { fieldLimits } from './limits.ts'
import { trimField } from './request-headers.ts'
import { parseWeightedTokens } from './weighted-tokens.ts'

/** Instance manipulations that IANA has registered (RFC 3229 10.1). */
export const instanceManipulations = [
  'vcdiff',
  'diffe',
  'gdiff',
  'gzip',
  'deflate',
  'range',
  'identity',
] as const
export type InstanceManipulation = (typeof instanceManipulations)[number]

/**
 * Whether an `A-IM` field (RFC 3229 10.5.3) takes a manipulation. There is no wildcard: only what
 * is named with a weight above 0 may be applied.
 */
export function acceptsManipulation(text: string | undefined, name: InstanceManipulation): boolean {
  return text !== undefined && (parseWeightedTokens(text)?.get(name) ?? 0) > 0
}

/** Parses `IM` (RFC 3229 10.5.2): what was applied, in that order; undefined when malformed. */
export function parseAppliedManipulations(text: string): readonly string[] | undefined {
  const names = text.split(',', fieldLimits.membersMax).map((name) => trimField(name).toLowerCase())
  return names.every((name) => /^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name)) ? names : undefined
}
