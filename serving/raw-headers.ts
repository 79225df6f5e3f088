import type { IncomingMessage } from 'node:http'

/** The request header fields that hot routes decide by. */
export interface HotHeaders {
  ifNoneMatch: string | undefined
  ifMatch: string | undefined
  ifRange: string | undefined
  range: string | undefined
  /** How many Host fields there are. */
  hosts: number
  /** The request announces a body. */
  hasBody: boolean
}

/**
 * Picks the fields out of the raw list: building Node's header object costs more than the rest
 * of a poll. Of repeated fields the last one counts, except that a list stays a list, and that a
 * range which is there twice counts as none.
 */
export function readHotHeaders(request: IncomingMessage): HotHeaders {
  const raw = request.rawHeaders
  const found: HotHeaders = {
    ifNoneMatch: undefined,
    ifMatch: undefined,
    ifRange: undefined,
    range: undefined,
    hosts: 0,
    hasBody: false,
  }
  let ranges = 0
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] as string
    // The length rules most fields out without a lower-cased copy.
    switch (name.length) {
      case 4:
        if (name.toLowerCase() === 'host') found.hosts++
        break
      case 5:
        // RFC 9110 §14.2 has one such field; which of two is meant nobody can say.
        if (name.toLowerCase() === 'range') found.range = ++ranges === 1 ? raw[at + 1] : undefined
        break
      case 8:
        note8(found, name.toLowerCase(), raw[at + 1])
        break
      case 13:
        if (name.toLowerCase() === 'if-none-match') {
          found.ifNoneMatch = joined(found.ifNoneMatch, raw[at + 1])
        }
        break
      case 14:
        if (name.toLowerCase() === 'content-length' && raw[at + 1] !== '0') found.hasBody = true
        break
      case 17:
        if (name.toLowerCase() === 'transfer-encoding') found.hasBody = true
        break
      default:
    }
  }
  return found
}

function note8(found: HotHeaders, name: string, value: string | undefined): void {
  if (name === 'if-range') found.ifRange = value
  else if (name === 'if-match') found.ifMatch = joined(found.ifMatch, value)
}

function joined(first: string | undefined, second: string | undefined): string | undefined {
  return first === undefined ? second : `${first}, ${second}`
}
