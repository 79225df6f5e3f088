/**
 * Whether If-None-Match names the tag (RFC 9110 §13.1.2: weak comparison, lists, `*`).
 * @param etag the strong tag of what would be sent, with its quotes
 */
export function noneMatchHolds(header: string, etag: string): boolean {
  if (header === etag) return true
  if (header === '*') return true
  return header.includes(',') || header.startsWith('W/')
    ? header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag)
    : false
}

/** Whether If-Match allows the request (RFC 9110 §13.1.1: strong comparison). */
export function matchHolds(header: string, etag: string): boolean {
  return header === '*' || header.split(',').some((one) => one.trim() === etag)
}
