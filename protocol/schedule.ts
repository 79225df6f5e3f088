import { neverOccurs, whyNotCron } from './cron.ts'
import { formatError } from './format-errors.ts'
import { limits } from './limits.ts'
import { quoted } from './quoted.ts'

export type DayName = 'sun' | 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat'
export type ScheduleUnit = 'minute' | 'hour' | 'day' | 'week' | 'month'

/** A time of day in minutes after midnight. */
export type DayMinute = number

/** What a schedule text says; `tuner/schedules` computes times from it. */
export type Schedule =
  | { readonly kind: 'never' }
  | { readonly kind: 'cron'; readonly expression: string; readonly zone: string | undefined }
  | {
      readonly kind: 'every'
      readonly count: number
      readonly unit: ScheduleUnit
      /** Empty means every day. */
      readonly days: readonly DayName[]
      /** Days of the month 1..31; empty means all. */
      readonly monthDays: readonly number[]
      /** Fixed times of day; excludes a window. */
      readonly at: readonly DayMinute[]
      /** Only inside this window; one that crosses midnight belongs to the day it starts on. */
      readonly window: { readonly from: DayMinute; readonly to: DayMinute } | undefined
      /** IANA zone; undefined means the tuner's own. */
      readonly zone: string | undefined
      /** Largest delay in seconds by tuner id; undefined means a tenth of the interval. */
      readonly jitterSeconds: number | undefined
    }

const dayNames: readonly DayName[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const units: readonly ScheduleUnit[] = ['minute', 'hour', 'day', 'week', 'month']

/** Castanet's names for its four update frequencies. */
const aliases: Readonly<Record<string, string>> = {
  frequently: 'every 15 minutes',
  hourly: 'every 1 hour',
  daily: 'every 1 day',
  weekly: 'every 1 week',
  monthly: 'every 1 month',
}

/**
 * Parses a schedule:
 * `never` | `hourly` … | `cron EXPRESSION [tz ZONE]` |
 * `every N minutes|hours|days|weeks|months [on mon+tue|weekdays|weekends|day 1+15]`
 * `[at 02:00,14:00 | between 02:00 and 05:00] [jitter N seconds|minutes|hours] [tz ZONE]`.
 * Times are 24-hour or with am/pm. A leading `update` is allowed.
 * @throws LW_FORMAT_SCHEDULE
 */
export function parseSchedule(text: string): Schedule {
  const { scheduleCharactersMax: charactersMax } = limits
  if (typeof text !== 'string' || text.length > charactersMax) {
    fail(text, `longer than ${charactersMax} characters`)
  }
  const plain = text.trim().replace(/^update\s+/i, '')
  const words = (aliases[plain.toLowerCase()] ?? plain).split(/\s+/).filter((word) => word !== '')
  if (words.length === 1 && words[0]?.toLowerCase() === 'never') return { kind: 'never' }
  if (words[0]?.toLowerCase() === 'cron') return parseCron(words.slice(1), text)
  return parseEvery(words, text)
}

/**
 * Says why a schedule, though it is one, never comes to a run: its author hardly meant that.
 * @returns undefined for one that runs, and for `never`, which says it
 */
export function whyNeverRuns(schedule: Schedule): string | undefined {
  if (schedule.kind !== 'cron' || !neverOccurs(schedule.expression.split(' '))) return undefined
  return `"cron ${schedule.expression}" never runs: no month of it has such a day.`
}

function fail(text: string, why: string): never {
  throw formatError('LW_FORMAT_SCHEDULE', {
    detail: `${quoted(String(text))}: ${why}.`,
    next: 'Examples: "every 1 hour", "every 1 day between 02:00 and 05:00 on mon+tue", "cron 0 3 * * 1", "never".',
  })
}

function parseCron(words: readonly string[], text: string): Schedule {
  const zoneAt = words.indexOf('tz')
  const fields = zoneAt === -1 ? words : words.slice(0, zoneAt)
  const zone = zoneAt === -1 ? undefined : parseZone(words[zoneAt + 1], text)
  if (zoneAt !== -1 && words.length !== zoneAt + 2) fail(text, 'words after the time zone')
  const why = whyNotCron(fields)
  if (why !== undefined) fail(text, why)
  return { kind: 'cron', expression: fields.join(' '), zone }
}

function parseEvery(words: readonly string[], text: string): Schedule {
  let i = 0
  const next = (): string => words[i++]?.toLowerCase() ?? fail(text, 'it ends too early')
  if (next() !== 'every') fail(text, 'expected "every", "cron" or "never"')
  let counted = next()
  let count = 1
  if (/^\d{1,4}$/.test(counted)) {
    count = Number(counted)
    counted = next()
  }
  const unit = units.find((name) => counted === name || counted === `${name}s`)
  if (unit === undefined) {
    fail(text, `"${counted}" is no unit; there are minutes, hours, days, weeks and months`)
  }
  if (count < 1) fail(text, 'the interval is zero')

  let days: readonly DayName[] = []
  let monthDays: readonly number[] = []
  let at: readonly DayMinute[] = []
  let window: { from: DayMinute; to: DayMinute } | undefined
  let zone: string | undefined
  let jitterSeconds: number | undefined
  const seen = new Set<string>()
  while (i < words.length) {
    const clause = next()
    if (seen.has(clause)) fail(text, `"${clause}" twice`)
    seen.add(clause)
    if (clause === 'on') {
      const list = next()
      if (list === 'day' || list === 'days') monthDays = parseMonthDays(next(), text)
      else days = parseDays(list, text)
    } else if (clause === 'at')
      at = next()
        .split(',')
        .map((time) => parseTime(time, text))
    else if (clause === 'between') {
      const from = parseTime(next(), text)
      if (next() !== 'and') fail(text, 'expected "and"')
      window = { from, to: parseTime(next(), text) }
      if (window.from === window.to) fail(text, 'the window is empty')
    } else if (clause === 'jitter') jitterSeconds = parseJitter(next(), next(), text)
    else if (clause === 'tz') zone = parseZone(words[i++], text)
    else fail(text, `unknown word "${clause}"`)
  }
  if (at.length > 0 && window !== undefined) fail(text, 'both "at" and "between"')
  if (at.length > 0 && (unit === 'minute' || unit === 'hour'))
    fail(text, '"at" needs days or longer')
  return { kind: 'every', count, unit, days, monthDays, at, window, zone, jitterSeconds }
}

function parseDays(list: string, text: string): readonly DayName[] {
  if (list === 'weekdays') return ['mon', 'tue', 'wed', 'thu', 'fri']
  if (list === 'weekends') return ['sat', 'sun']
  return list.split('+').map((word) => {
    const day = dayNames.find((name) => word.startsWith(name))
    return day ?? fail(text, `unknown day "${word}"`)
  })
}

function parseMonthDays(list: string, text: string): readonly number[] {
  return list.split('+').map((word) => {
    const day = Number(word)
    if (!/^\d{1,2}$/.test(word) || day < 1 || day > 31) fail(text, `no day ${word} in a month`)
    return day
  })
}

function parseTime(word: string, text: string): DayMinute {
  const match = /^(\d{1,2}):(\d\d)(am|pm)?$/.exec(word)
  if (match === null) fail(text, `"${word}" is not a time`)
  let hour = Number(match[1])
  const minute = Number(match[2])
  if (match[3] !== undefined) {
    if (hour < 1 || hour > 12) fail(text, `"${word}" is not a time`)
    hour = (hour % 12) + (match[3] === 'pm' ? 12 : 0)
  }
  if (hour > 23 || minute > 59) fail(text, `"${word}" is not a time`)
  return hour * 60 + minute
}

function parseJitter(amount: string, unit: string, text: string): number {
  const factor = { second: 1, minute: 60, hour: 3600 }[unit.replace(/s$/, '')]
  if (!/^\d{1,5}$/.test(amount) || factor === undefined) fail(text, 'jitter')
  return Number(amount) * factor
}

function parseZone(zone: string | undefined, text: string): string {
  if (zone === undefined || zone.length > 64) fail(text, 'a time zone is missing')
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
  } catch {
    fail(text, `unknown time zone "${zone}"`)
  }
  return zone
}
