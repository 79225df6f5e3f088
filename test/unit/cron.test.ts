import { Cron } from 'croner'
import fc from 'fast-check'
import t from 'tap'
import { isLongwaveError, parseSchedule, whyNeverRuns } from '../../protocol/index.ts'
import { chooseSchedule } from '../../tuner/policy/index.ts'

function refusalOf(text: string): string | undefined {
  try {
    parseSchedule(text)
    return undefined
  } catch (error) {
    if (!isLongwaveError(error, 'LW_FORMAT_SCHEDULE')) throw error
    return error.detail
  }
}

t.test('what no clock and no calendar shows is refused, and says why', async (t) => {
  const refused: Readonly<Record<string, RegExp>> = {
    'cron 99 * * * *': /the minute of a cron text is from 0 to 59, not 99/,
    'cron 0 0 32 * *': /the day of a cron text is from 1 to 31, not 32/,
    'cron 0 24 * * *': /the hour/,
    'cron 0 0 0 * *': /the day/,
    'cron 0 0 * 13 *': /the month/,
    'cron 0 0 * 0 *': /the month/,
    'cron 0 0 * * 8': /the weekday/,
    'cron 0-60 * * * *': /not 60/,
    'cron 5-1 * * * *': /backwards/,
    'cron 5/15 * * * *': /a step follows/,
    'cron */0 * * * *': /step/,
    'cron */99 * * * *': /step/,
    'cron 1,,2 * * * *': /is no minute/,
    'cron 1-2-3 * * * *': /is no minute/,
    'cron 0 0 * janu *': /is no month/,
    'cron 0 0 * * 1#6': /is no weekday/,
    'cron * * * *': /five fields/,
    'every 5 seconds': /"seconds" is no unit; there are minutes, hours, days, weeks and months/,
  }
  for (const [text, why] of Object.entries(refused)) t.match(refusalOf(text), why, text)
})

t.test('what is accepted can be computed with', async (t) => {
  const value = (min: number, max: number) => fc.integer({ min: min - 2, max: max + 2 }).map(String)
  const field = (min: number, max: number, words: readonly string[]) => {
    const one = fc.oneof(value(min, max), ...words.map((word) => fc.constant(word)))
    const range = fc.oneof(
      one,
      fc.constant('*'),
      fc.tuple(one, one).map(([from, to]) => `${from}-${to}`),
    )
    const part = fc.oneof(
      range,
      fc.tuple(range, value(1, max)).map(([from, step]) => `${from}/${step}`),
    )
    return fc.array(part, { minLength: 1, maxLength: 2 }).map((parts) => parts.join(','))
  }
  const text = fc.tuple(
    field(0, 59, []),
    field(0, 23, []),
    field(1, 31, ['L', 'LW', '15W']),
    field(1, 12, ['jan', 'DEC']),
    field(0, 7, ['mon', 'SUN', 'fri#2', '5L', 'mon#L']),
  )
  fc.assert(
    fc.property(text, (fields) => {
      const expression = fields.join(' ')
      fc.pre(refusalOf(`cron ${expression}`) === undefined)
      new Cron(expression, { timezone: 'UTC' })
    }),
    { numRuns: 500 },
  )
  t.equal(refusalOf('cron */15 1-5 L jan,dec mon-fri tz Europe/Berlin'), undefined)
})

t.test('a text that never comes to a run is known for it', async (t) => {
  const never = ['0 3 30 2 *', '0 0 31 4 *', '0 0 31 2,4,6 *', '0 0 30-31 feb *']
  const sometimes = ['0 0 29 2 *', '0 0 31 */2 *', '0 0 30 2 mon', '0 0 L 2 *', '0 0 1,31 4 *']
  for (const text of never) {
    t.match(whyNeverRuns(parseSchedule(`cron ${text}`)), /never runs/, text)
    t.equal(new Cron(text, { timezone: 'UTC' }).nextRun(), null, text)
  }
  for (const text of sometimes) {
    t.equal(whyNeverRuns(parseSchedule(`cron ${text}`)), undefined, text)
    t.not(new Cron(text, { timezone: 'UTC' }).nextRun(), null, text)
  }
  t.equal(whyNeverRuns(parseSchedule('never')), undefined, 'that one means it')
})

t.test('a signed or stored schedule that cannot be read is passed over, and said so', async (t) => {
  const bad = 'cron 99 * * * *'
  t.match(chooseSchedule({}, {}, bad), {
    text: 'every 1 day',
    by: 'default',
    passedOver: { by: 'developer', why: /from 0 to 59/ },
  })
  t.match(chooseSchedule({}, { schedule: bad }, 'hourly'), {
    text: 'hourly',
    by: 'developer',
    passedOver: { by: 'user' },
  })
  t.strictSame(chooseSchedule({}, {}, 'hourly'), { text: 'hourly', by: 'developer' })
})
