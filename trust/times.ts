/** A time as metadata writes it: RFC 3339, UTC, whole seconds (TUF 4.2.1). */
export function timeText(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString().replace('.000Z', 'Z')
}

/** Milliseconds since 1970 of an exact `YYYY-MM-DDTHH:MM:SSZ`; undefined for anything else. */
export function parseTime(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value))
    return undefined
  const ms = Date.parse(value)
  // Writing it again refuses 30 February and 24:00:00, which some parsers carry over.
  return Number.isNaN(ms) || timeText(ms) !== value ? undefined : ms
}
