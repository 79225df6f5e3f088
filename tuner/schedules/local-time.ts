/** A civil day without a zone. */
export interface CivilDay {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
}

const dayMs = 86_400_000
const formatters = new Map<string, Intl.DateTimeFormat>()

function formatterOf(zone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(zone)
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formatters.set(zone, formatter)
  }
  return formatter
}

/** Milliseconds that a zone's clocks are ahead of UTC at a moment, daylight saving included. */
export function offsetAt(utcMs: number, zone: string): number {
  const whole = Math.floor(utcMs / 1000) * 1000
  const parts: Record<string, number> = {}
  for (const part of formatterOf(zone).formatToParts(whole)) {
    if (part.type !== 'literal') parts[part.type] = Number(part.value)
  }
  const local = Date.UTC(
    parts['year'] ?? 0,
    (parts['month'] ?? 1) - 1,
    parts['day'] ?? 1,
    parts['hour'] ?? 0,
    parts['minute'] ?? 0,
    parts['second'] ?? 0,
  )
  return local - whole
}

/**
 * The zone's standard offset in minutes: what its clocks show in the part of the year without
 * daylight saving, which is the smaller of the two.
 */
export function standardOffsetMinutes(nowMs: number, zone: string): number {
  const year = new Date(nowMs).getUTCFullYear()
  const winter = offsetAt(Date.UTC(year, 0, 1), zone)
  const summer = offsetAt(Date.UTC(year, 6, 1), zone)
  return Math.round(Math.min(winter, summer) / 60_000)
}

/**
 * The moment at which a zone's clocks show a time. A time that daylight saving skips becomes the
 * moment of the change; one that occurs twice is its first occurrence.
 */
export function momentOf(day: CivilDay, secondOfDay: number, zone: string): number {
  const local = Date.UTC(day.year, day.month - 1, day.day) + secondOfDay * 1000
  // Offsets on both sides of any change near that time.
  const before = offsetAt(local - dayMs, zone)
  const after = offsetAt(local + dayMs, zone)
  const early = local - Math.max(before, after)
  const late = local - Math.min(before, after)
  if (early + offsetAt(early, zone) === local) return early
  if (late + offsetAt(late, zone) === local) return late
  return changeBetween(early, late, zone)
}

/** The moment between two at which the offset changes, to the second. */
function changeBetween(from: number, to: number, zone: string): number {
  const target = offsetAt(to, zone)
  let low = from
  let high = to
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000
    if (offsetAt(middle, zone) === target) high = middle
    else low = middle
  }
  return high
}

/** The civil day in a zone at a moment. */
export function civilDayAt(utcMs: number, zone: string): CivilDay {
  return civilDayOf(Math.floor((utcMs + offsetAt(utcMs, zone)) / dayMs))
}

/** Days since 1970-01-01. */
export function dayNumberOf(day: CivilDay): number {
  return Date.UTC(day.year, day.month - 1, day.day) / dayMs
}

export function civilDayOf(dayNumber: number): CivilDay {
  const date = new Date(dayNumber * dayMs)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}
