import { transportLimits as limits } from './limits.ts'

const imfFixdate =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/**
 * Parses Retry-After (RFC 9110 §10.2.3): seconds, or an HTTP date against `nowMs`.
 * Anything else is as if the header were absent; more than a day counts as a day.
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined
  const text = value.trim()
  if (/^\d{1,10}$/.test(text)) return Math.min(Number(text), limits.retryAfterSecondsMax)
  if (!imfFixdate.test(text)) return undefined
  const at = Date.parse(text)
  if (Number.isNaN(at)) return undefined
  return Math.min(Math.max(0, Math.ceil((at - nowMs) / 1000)), limits.retryAfterSecondsMax)
}
