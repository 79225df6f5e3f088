import { servingLimits as limits } from './limits.ts'

/**
 * Why a request target is refused before any route sees it; undefined when it may pass. Routes
 * decode their own parameters; here only what no route can want is turned away: other servers'
 * addresses, climbing segments in any spelling, NUL, control characters and backslashes.
 */
export function whyRefuseTarget(
  target: string,
): 'elsewhere' | 'malformed' | 'climbing' | undefined {
  if (target.length > limits.urlCharactersMax) return 'malformed'
  if (target.charCodeAt(0) !== 0x2f) return target === '*' ? undefined : 'elsewhere'
  if (target.startsWith('//')) return 'elsewhere'
  const path = pathOf(target)
  if (/[^\x21-\x7e]|[\\#]/.test(target)) return 'malformed'
  let decoded: string
  try {
    decoded = decodeURIComponent(path)
  } catch {
    return 'malformed'
  }
  if (/[\p{Cc}\\]/u.test(decoded)) return 'malformed'
  return decoded.split('/').some(climbs) ? 'climbing' : undefined
}

function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query === -1 ? target : target.slice(0, query)
}

/** `..` and `.`, also with what some servers take for a path parameter or trim away. */
function climbs(segment: string): boolean {
  return /^\.{1,2}(?:;.*)?$/.test(segment.trim())
}
