import { servingLimits as limits } from './limits.ts'

/**
 * The path and query of a target in absolute form (RFC 9112 §3.2.2) whose authority is the one that
 * Host names; any other target as it is.
 */
export function ownTarget(target: string, host: string | undefined): string {
  const match = /^(https?):\/\/([^/?#@]+)([/?].*)?$/i.exec(target)
  if (match === null || host === undefined) return target
  const [, scheme = '', authority = '', rest = '/'] = match
  if (withoutDefaultPort(scheme, authority) !== withoutDefaultPort(scheme, host)) return target
  return rest.startsWith('/') ? rest : `/${rest}`
}

function withoutDefaultPort(scheme: string, authority: string): string {
  const port = scheme.toLowerCase() === 'https' ? ':443' : ':80'
  const name = authority.toLowerCase()
  return name.endsWith(port) ? name.slice(0, -port.length) : name
}

/**
 * Why a request target is refused before any route sees it; undefined when it may pass. Routes
 * decode their own parameters; here only what no route can want is turned away: other servers'
 * addresses, climbing segments in any spelling, NUL, control characters and backslashes.
 */
export function whyRefuseTarget(
  target: string,
  method = 'GET',
): 'elsewhere' | 'nowhere' | 'malformed' | 'climbing' | undefined {
  if (target.length > limits.urlCharactersMax) return 'malformed'
  // RFC 9112 §3.2.4: only OPTIONS is about the server as a whole.
  if (target === '*') return method === 'OPTIONS' ? 'nowhere' : 'malformed'
  if (target.charCodeAt(0) !== 0x2f) return 'elsewhere'
  const path = pathOf(target)
  if (/[^\x21-\x7e]|[\\#]/.test(target)) return 'malformed'
  let decoded: string
  try {
    decoded = decodeURIComponent(path)
  } catch {
    return 'malformed'
  }
  if (/[\p{Cc}\\]/u.test(decoded)) return 'malformed'
  if (decoded.split('/').some(climbs)) return 'climbing'
  // In origin form two slashes begin an empty part, which no route has, and no authority.
  return target.startsWith('//') ? 'nowhere' : undefined
}

function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query === -1 ? target : target.slice(0, query)
}

/** `..` and `.`, also with what some servers take for a path parameter or trim away. */
function climbs(segment: string): boolean {
  return /^\.{1,2}(?:;.*)?$/.test(segment.trim())
}
