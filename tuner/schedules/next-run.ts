import { createHash } from 'node:crypto'
import { Cron } from 'croner'
import type { DayName, Schedule } from '../../protocol/index.ts'
import { civilDayAt, civilDayOf, dayNumberOf, momentOf } from './local-time.ts'

const dayNames: readonly DayName[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const unitSeconds = { minute: 60, hour: 3600, day: 86_400, week: 604_800, month: 2_592_000 }
/** Civil days that are searched for a run: more than any schedule can leave free. */
const searchDaysMax = 1500
/** Catch-up runs of many tuners that wake together are spread over this. */
const catchUpSpreadSeconds = 60

export interface RunQuestion {
  readonly schedule: Schedule
  /** When the last run began, ms; undefined when there was none. */
  readonly lastMs: number | undefined
  readonly nowMs: number
  /** 0 up to 1, the same for one tuner and channel for ever: see `spreadOf`. */
  readonly spread: number
  /** The tuner's own zone. */
  readonly zone: string
}

/** A number from 0 up to 1 that tuner and channel decide, so that a fleet's polls spread evenly. */
export function spreadOf(tuner: string, channel: string): number {
  const digest = createHash('sha256').update(`${tuner}\0${channel}`).digest()
  return digest.readUIntBE(0, 6) / 2 ** 48
}

/**
 * When a rollout lets a tuner in, ms: the tuner, the channel and the release decide, so that it is
 * not always the same ones who go first.
 */
export function turnOf(
  rollout: { readonly from: string; readonly over: number },
  who: { readonly tuner: string; readonly channel: string; readonly release: number },
): number {
  const spread = spreadOf(who.tuner, `${who.channel}\0${who.release}`)
  return Date.parse(rollout.from) + Math.floor(spread * rollout.over * 1000)
}

/**
 * When the next scheduled run is due, ms. Runs that were missed, asleep or switched off, become
 * one: at once, or as soon as the schedule's window is open (R54).
 * @returns undefined for a schedule that never runs.
 */
export function nextRun(question: RunQuestion): number | undefined {
  const { schedule, lastMs, nowMs } = question
  if (schedule.kind === 'never') return undefined
  const after = lastMs ?? nowMs - 1
  const due = firstAfter(question, after)
  if (due === undefined || due > nowMs) return due
  if (schedule.kind === 'every' && isRestricted(schedule) && !isOpen(question, nowMs)) {
    return firstAfter(question, nowMs)
  }
  return Math.max(due, nowMs) + Math.round(question.spread * catchUpSpreadSeconds * 1000)
}

type Every = Extract<Schedule, { kind: 'every' }>

function isRestricted(schedule: Every): boolean {
  return schedule.window !== undefined || schedule.days.length > 0 || schedule.monthDays.length > 0
}

function firstAfter(question: RunQuestion, afterMs: number): number | undefined {
  const { schedule, spread } = question
  if (schedule.kind === 'never') return undefined
  if (schedule.kind === 'cron') {
    const next = new Cron(schedule.expression, {
      timezone: schedule.zone ?? question.zone,
    }).nextRun(new Date(afterMs))
    return next === null ? undefined : next.getTime() + Math.floor(spread * 60_000)
  }
  const interval = schedule.count * unitSeconds[schedule.unit]
  const isShort = schedule.unit === 'minute' || schedule.unit === 'hour'
  if (isShort && !isRestricted(schedule)) {
    const width = Math.min(schedule.jitterSeconds ?? interval, interval)
    const phase = Math.floor(spread * width) * 1000
    const step = interval * 1000
    return (Math.floor((afterMs - phase) / step) + 1) * step + phase
  }
  return firstOnDays(question, schedule, afterMs)
}

/** Searches day by day; a window that began the day before may still be open. */
function firstOnDays(question: RunQuestion, schedule: Every, afterMs: number): number | undefined {
  const zone = schedule.zone ?? question.zone
  const first = dayNumberOf(civilDayAt(afterMs, zone)) - 1
  for (let dayNumber = first; dayNumber < first + searchDaysMax; dayNumber++) {
    if (!isRunDay(schedule, dayNumber, question.spread)) continue
    for (const second of secondsOfDay(schedule, question.spread)) {
      const moment = momentOf(
        civilDayOf(dayNumber + Math.floor(second / 86_400)),
        second % 86_400,
        zone,
      )
      if (moment > afterMs) return moment
    }
  }
  return undefined
}

/** Whether a schedule with days, weeks or months runs on a civil day. */
function isRunDay(schedule: Every, dayNumber: number, spread: number): boolean {
  const { unit, count, days, monthDays } = schedule
  const day = civilDayOf(dayNumber)
  // 1970-01-01 was a Thursday.
  const weekday = (((dayNumber + 4) % 7) + 7) % 7
  if (days.length > 0 && !days.includes(dayNames[weekday] as DayName)) return false
  if (monthDays.length > 0 && !isMonthDay(monthDays, day)) return false
  if (unit === 'day') return days.length > 0 || dayNumber % count === 0
  if (unit === 'week') {
    // Weeks begin on Monday.
    const week = Math.floor((dayNumber + 3) / 7)
    const chosen = (dayNumber + 3) % 7 === Math.floor(spread * 7)
    return week % count === 0 && (days.length > 0 || monthDays.length > 0 || chosen)
  }
  if (unit === 'month') {
    const month = day.year * 12 + day.month - 1
    if (month % count !== 0) return false
    return monthDays.length > 0 || days.length > 0 || day.day === 1 + Math.floor(spread * 28)
  }
  return true
}

/** Day 31 means the last day in shorter months, so that no month goes without. */
function isMonthDay(
  monthDays: readonly number[],
  day: { readonly year: number; readonly month: number; readonly day: number },
): boolean {
  const last = new Date(Date.UTC(day.year, day.month, 0)).getUTCDate()
  return monthDays.some((wanted) => Math.min(wanted, last) === day.day)
}

/** Seconds after midnight at which a run day has runs; beyond 86,400 for windows over midnight. */
function secondsOfDay(schedule: Every, spread: number): number[] {
  const { unit, count, at, window } = schedule
  const interval = count * unitSeconds[unit]
  if (at.length > 0) {
    const width = schedule.jitterSeconds ?? Math.min(600, interval / 10)
    return at.map((minute) => minute * 60 + Math.floor(spread * width)).sort((a, b) => a - b)
  }
  const from = (window?.from ?? 0) * 60
  const length = windowSeconds(window)
  const isShort = unit === 'minute' || unit === 'hour'
  const width = Math.min(schedule.jitterSeconds ?? length, isShort ? interval : length, length)
  const seconds: number[] = []
  for (let second = Math.floor(spread * width); second < length; second += interval) {
    seconds.push(from + second)
    if (!isShort) break
  }
  return seconds
}

function windowSeconds(window: Every['window']): number {
  if (window === undefined) return 86_400
  return (window.to - window.from + (window.to > window.from ? 0 : 1440)) * 60
}

/** Whether the schedule's days and window are open at a moment. */
function isOpen(question: RunQuestion, nowMs: number): boolean {
  const { schedule } = question
  if (schedule.kind !== 'every') return true
  const zone = schedule.zone ?? question.zone
  const today = dayNumberOf(civilDayAt(nowMs, zone))
  for (const dayNumber of [today - 1, today]) {
    if (!isRunDay(schedule, dayNumber, question.spread)) continue
    const day = civilDayOf(dayNumber)
    const from = momentOf(day, (schedule.window?.from ?? 0) * 60, zone)
    if (nowMs >= from && nowMs < from + windowSeconds(schedule.window) * 1000) return true
  }
  return false
}
