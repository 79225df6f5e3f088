import fc from 'fast-check'
import t from 'tap'
import { parseSchedule } from '../../protocol/index.ts'
import { nextRun, spreadOf, standardOffsetMinutes } from '../../tuner/schedules/index.ts'

const at = (text: string): number => Date.parse(text)
const iso = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString()

function next(
  text: string,
  last: string,
  options: { now?: string; zone?: string; spread?: number } = {},
) {
  const schedule = parseSchedule(text)
  return iso(
    nextRun({
      schedule,
      lastMs: at(last),
      nowMs: at(options.now ?? last),
      spread: options.spread ?? 0,
      zone: options.zone ?? 'UTC',
    }),
  )
}

t.test('C27 C70: the next run of each form', async (t) => {
  t.equal(next('never', '2026-03-01T00:00:00Z'), undefined)
  t.equal(next('hourly', '2026-03-01T10:20:00Z'), '2026-03-01T11:00:00.000Z')
  t.equal(
    next('every 15 minutes', '2026-03-01T10:20:00Z', { spread: 0.5 }),
    '2026-03-01T10:22:30.000Z',
  )
  t.equal(
    next('every 1 day between 02:00 and 05:00 on mon+tue', '2026-03-03T02:00:00Z'),
    '2026-03-09T02:00:00.000Z',
  )
  t.equal(next('every 1 day at 14:00,02:00', '2026-03-03T02:00:00Z'), '2026-03-03T14:00:00.000Z')
  t.equal(
    next('every 1 month on day 31 at 3:00am', '2026-02-01T00:00:00Z'),
    '2026-02-28T03:00:00.000Z',
  )
  t.equal(next('cron 0 3 * * 1', '2026-03-03T02:00:00Z'), '2026-03-09T03:00:00.000Z')
  t.equal(
    next('every 1 hour between 10:00pm and 4:00am', '2026-03-03T03:30:00Z'),
    '2026-03-03T22:00:00.000Z',
  )
  t.equal(
    next('every 1 hour between 10:00pm and 4:00am', '2026-03-03T01:30:00Z'),
    '2026-03-03T02:00:00.000Z',
    'a window over midnight is still open on the next day',
  )
})

t.test('C70: a skipped local time runs at the change, a repeated one once', async (t) => {
  const zone = 'America/New_York'
  t.equal(
    next('every 1 day at 02:30', '2027-03-13T12:00:00Z', { zone }),
    '2027-03-14T07:00:00.000Z',
  )
  const first = next('every 1 day at 01:30', '2026-10-31T12:00:00Z', { zone })
  t.equal(first, '2026-11-01T05:30:00.000Z')
  t.equal(next('every 1 day at 01:30', first ?? '', { zone }), '2026-11-02T06:30:00.000Z')
})

t.test('R54: asleep over ten ticks gives one catch-up, inside the window', async (t) => {
  t.equal(
    next('hourly', '2026-03-01T10:20:00Z', { now: '2026-03-01T21:30:00Z' }),
    '2026-03-01T21:30:00.000Z',
  )
  const windowed = 'every 1 day between 02:00 and 05:00'
  t.equal(
    next(windowed, '2026-03-01T02:00:00Z', { now: '2026-03-09T12:00:00Z' }),
    '2026-03-10T02:00:00.000Z',
    'outside the window it waits for the next one',
  )
  t.equal(
    next(windowed, '2026-03-01T02:00:00Z', { now: '2026-03-09T04:00:00Z' }),
    '2026-03-09T04:00:00.000Z',
    'inside the window it runs at once',
  )
})

t.test('R54: tuner ids spread 10,000 polls evenly', async (t) => {
  const seconds = new Map<number, number>()
  const schedule = parseSchedule('hourly')
  const now = at('2026-03-01T00:00:00Z')
  for (let tuner = 0; tuner < 10_000; tuner++) {
    const run = nextRun({
      schedule,
      lastMs: now,
      nowMs: now,
      spread: spreadOf(`t${tuner}`, 'c'),
      zone: 'UTC',
    })
    // Buckets of a minute hold 167 on average: enough for a stable comparison.
    const bucket = Math.floor(((run ?? 0) - now) / 60_000)
    seconds.set(bucket, (seconds.get(bucket) ?? 0) + 1)
  }
  t.equal(seconds.size, 60)
  t.ok(Math.max(...seconds.values()) < 3 * (10_000 / 60))
})

t.test(
  'C30 C70: runs move forward, at most one interval apart, over daylight saving',
  async (t) => {
    const zones = [
      'UTC',
      'America/New_York',
      'Europe/Berlin',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
    ]
    const property = fc.property(
      fc.constantFrom(
        'every 30 minutes',
        'every 3 hours',
        'every 1 day',
        'every 1 day at 02:30',
        'every 1 day between 01:00 and 04:00',
      ),
      fc.constantFrom(...zones),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.integer({ min: 0, max: 700 }),
      (text, zone, spread, day) => {
        const schedule = parseSchedule(text)
        const interval = text.includes('minutes') ? 0.5 : text.includes('hours') ? 3 : 24
        let last = at('2026-01-01T00:00:00Z') + day * 86_400_000
        last = nextRun({ schedule, lastMs: last, nowMs: last, spread, zone }) ?? 0
        for (let step = 0; step < 4; step++) {
          const run = nextRun({ schedule, lastMs: last, nowMs: last, spread, zone }) ?? 0
          // A day with a change of the clocks has up to an hour more or less.
          const slack = interval === 24 ? 3_600_000 : 0
          if (run <= last || run - last > interval * 3_600_000 + slack) return false
          last = run
        }
        return true
      },
    )
    t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }))
  },
)

t.test('C65: the standard offset ignores daylight saving on both hemispheres', async (t) => {
  for (const now of [at('2026-01-15T00:00:00Z'), at('2026-07-15T00:00:00Z')]) {
    t.equal(standardOffsetMinutes(now, 'Europe/Berlin'), 60)
    t.equal(standardOffsetMinutes(now, 'Australia/Sydney'), 600)
    t.equal(standardOffsetMinutes(now, 'Asia/Kolkata'), 330)
    t.equal(standardOffsetMinutes(now, 'America/St_Johns'), -210)
  }
})
