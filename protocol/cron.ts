/** One of the five fields of a cron text. */
interface CronField {
  readonly name: string
  readonly min: number
  readonly max: number
  /** Words for the values from `min` on. */
  readonly words: readonly string[]
  /** What may stand besides lists of numbers and ranges: last days, nearest workdays, nth weekdays. */
  readonly special: RegExp | undefined
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const fields: readonly CronField[] = [
  { name: 'minute', min: 0, max: 59, words: [], special: undefined },
  { name: 'hour', min: 0, max: 23, words: [], special: undefined },
  { name: 'day', min: 1, max: 31, words: [], special: /^(?:l|lw|(?:[1-9]|[12]\d|3[01])w)$/ },
  { name: 'month', min: 1, max: 12, words: months, special: undefined },
  // Both 0 and 7 are Sunday.
  {
    name: 'weekday',
    min: 0,
    max: 7,
    words: weekdays,
    special: /^(?:[0-7]|sun|mon|tue|wed|thu|fri|sat)(?:#[1-5]|#?l)$/,
  },
]

/** Days of the months in a leap year. */
const daysOfMonths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/**
 * Says why five fields are no cron text: lists of values, ranges and steps within what a clock and
 * a calendar show, which is what every implementation of cron agrees upon.
 * @returns undefined for one that can be used
 */
export function whyNotCron(texts: readonly string[]): string | undefined {
  if (texts.length !== fields.length) return 'a cron text has five fields'
  for (const [at, field] of fields.entries()) {
    const text = texts[at] ?? ''
    if (text.length > 60) return `the ${field.name} of a cron text is too long`
    const parts = text.toLowerCase().split(',')
    // The last workday of a month is a day of its own.
    if (parts.includes('lw') && parts.length > 1) return '"LW" stands alone in a cron text'
    for (const part of parts) {
      const why = whyNotPart(field, part)
      if (why !== undefined) return why
    }
  }
  return undefined
}

function whyNotPart(field: CronField, part: string): string | undefined {
  const { name, min, max, special } = field
  if (special?.test(part) === true) return undefined
  const [, range = '', step] = /^([^/]*)(?:\/(.*))?$/.exec(part) ?? []
  const bounds = range === '*' ? ['*'] : range.split('-')
  for (const bound of bounds) {
    if (bound === '*' && bounds.length === 1) continue
    const value = numberIn(field, bound)
    if (value === undefined) return `"${part}" is no ${name} of a cron text`
    if (value < min || value > max) {
      return `the ${name} of a cron text is from ${min} to ${max}, not ${bound}`
    }
  }
  if (bounds.length > 2) return `"${part}" is no ${name} of a cron text`
  const [from, to] = bounds.map((bound) => numberIn(field, bound))
  if (from !== undefined && to !== undefined && from > to) {
    return `"${range}" runs backwards in a cron text`
  }
  if (step === undefined) return undefined
  if (range !== '*' && to === undefined) return `"${part}": a step follows * or a range`
  const isStep = /^\d{1,2}$/.test(step) && Number(step) >= 1 && Number(step) <= max
  return isStep ? undefined : `the step of "${part}" is from 1 to ${max}`
}

function numberIn(field: CronField, text: string): number | undefined {
  if (/^\d{1,4}$/.test(text)) return Number(text)
  const word = field.words.indexOf(text)
  return word === -1 ? undefined : field.min + word
}

/**
 * Whether a cron text that can be used names only days that no month of it has, such as February
 * 30. A weekday besides is another way to be met, so then it runs.
 */
export function neverOccurs(texts: readonly string[]): boolean {
  const [, , day = '*', month = '*', weekday = '*'] = texts.map((text) => text.toLowerCase())
  if (weekday !== '*' || /[*lw]/.test(day)) return false
  const field = fields[2] as CronField
  const first = Math.min(
    ...day.split(',').map((part) => numberIn(field, part.split(/[-/]/)[0] ?? '') ?? 1),
  )
  return !valuesOf(fields[3] as CronField, month).some(
    (one) => first <= (daysOfMonths[one - 1] ?? 0),
  )
}

/** All values that a list names. */
function valuesOf(field: CronField, list: string): readonly number[] {
  return list.split(',').flatMap((part) => {
    const [range = '', step = '1'] = part.split('/')
    const [from, to] = range === '*' ? [field.min, field.max] : boundsOf(field, range)
    const values: number[] = []
    for (let value = from; value <= to; value += Number(step)) values.push(value)
    return values
  })
}

function boundsOf(field: CronField, range: string): readonly [number, number] {
  const [from = field.min, to = from] = range.split('-').map((one) => numberIn(field, one))
  return [from, to]
}
