import fc from 'fast-check'
import t from 'tap'
import { createBandwidthLimit, transferError, transportLimits } from '../../transport/index.ts'
import { RetrySchedule } from '../../transport/retries.ts'

const broken = () => transferError('LW_TRANSFER_BROKEN')

t.test('R29: waits are jittered, doubled, and at least 1 s after three failures', async (t) => {
  const schedule = new RetrySchedule({ attemptsMax: 8, budgetMs: 1e9 }, () => 0.999)
  const delays = Array.from({ length: 7 }, () => schedule.delayAfter(broken()) ?? -1)
  t.same(
    delays.map((ms) => Math.round(ms)),
    [250, 500, 1000, 1998, 3996, 7992, 15984],
  )
  t.equal(schedule.delayAfter(broken()), undefined, 'the eighth failure is the last')
})

t.test(
  'R29: no retry is faster than 1 s after three failures, whatever the dice say',
  async (t) => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })), (dice) => {
        const schedule = new RetrySchedule({ attemptsMax: 6 }, () => dice.next().value)
        const delays: number[] = []
        for (let ms = schedule.delayAfter(broken()); ms !== undefined; ) {
          delays.push(ms)
          ms = schedule.delayAfter(broken())
        }
        t.ok(delays.slice(2).every((ms) => ms >= 1000))
        t.ok(delays.every((ms) => ms <= transportLimits.backoffCapMs))
      }),
      { numRuns: 50 },
    )
  },
)

t.test(
  'R30: Retry-After is waited for, never undercut, and too long a one ends the call',
  async (t) => {
    const busy = (retryAfterSeconds: number) =>
      transferError('LW_TRANSFER_BUSY', { retryAfterSeconds })
    const schedule = new RetrySchedule({}, () => 0.5)
    t.equal(schedule.delayAfter(busy(7)), 7125)
    t.equal(schedule.delayAfter(busy(3600)), undefined)
  },
)

t.test('what no repetition mends is not repeated', async (t) => {
  const schedule = new RetrySchedule({}, () => 0)
  t.equal(schedule.delayAfter(transferError('LW_TRANSFER_ENDLESS')), undefined)
  t.equal(schedule.delayAfter(transferError('LW_TRANSFER_TLS')), undefined)
  t.equal(schedule.delayAfter(transferError('LW_TRANSFER_NOT_FOUND')), undefined)
})

t.test('an unreachable server is given up sooner; the budget of waiting is kept', async (t) => {
  const down = () => transferError('LW_TRANSFER_UNREACHABLE')
  const schedule = new RetrySchedule({ connectAttemptsMax: 2 }, () => 0)
  t.equal(schedule.delayAfter(down()), 0)
  t.equal(schedule.delayAfter(down()), undefined)
  const poor = new RetrySchedule({ budgetMs: 300 }, () => 0.999)
  t.ok(poor.delayAfter(broken()))
  t.equal(poor.delayAfter(broken()), undefined)
})

t.test('progress starts the count anew, but not for ever', async (t) => {
  const schedule = new RetrySchedule({ attemptsMax: 2 }, () => 0)
  let retries = 0
  while (schedule.delayAfter(broken()) !== undefined) {
    retries += 1
    schedule.progressed()
  }
  t.equal(retries, transportLimits.resumesMax - 1)
})

t.test('transfers share one bandwidth, first come first served', async (t) => {
  let now = 1000
  const sleeps: number[] = []
  const clock = {
    now: () => now,
    sleep: async (ms: number) => {
      sleeps.push(Math.round(ms))
    },
  }
  const limit = createBandwidthLimit({ bytesPerSecond: 1000, clock })
  t.equal(limit.take(200), undefined, 'a short burst passes')
  await limit.take(1000)
  await limit.take(1000)
  t.same(sleeps, [950, 1950])
  now += 10_000
  t.equal(limit.take(100), undefined, 'time off does not add up beyond the burst')
  limit.setRate(undefined)
  t.equal(limit.take(1e9), undefined)
  t.throws(() => limit.setRate(0), TypeError)
  t.throws(() => createBandwidthLimit({ bytesPerSecond: Number.NaN }), TypeError)
})

t.test('over any time the bandwidth is not exceeded by more than the burst', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 100, max: 1e6 }),
      fc.array(fc.integer({ min: 1, max: 65_536 }), { maxLength: 30 }),
      async (rate, chunks) => {
        let now = 0
        const clock = {
          now: () => now,
          sleep: async (ms: number) => {
            now += ms
          },
        }
        const limit = createBandwidthLimit({ bytesPerSecond: rate, clock })
        let moved = 0
        for (const chunk of chunks) {
          await limit.take(chunk)
          moved += chunk
          const allowed = (rate * (now + transportLimits.bandwidthBurstMs + 1)) / 1000
          t.ok(moved <= allowed + 1)
        }
      },
    ),
    { numRuns: 50 },
  )
})
