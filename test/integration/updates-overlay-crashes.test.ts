import t from 'tap'
import { sweepOverlay } from '../faults/overlay-sweep.ts'
import { backChannelFixture } from '../support/backchannel.ts'

// Each point is a tuner that starts three times.
t.setTimeout(120_000)

t.test('C53 C73: a release and its overlay come into view together, or not at all', async (t) => {
  const fixture = await backChannelFixture(t)
  const stride = Number(process.env['LONGWAVE_SWEEP_STRIDE'] ?? 19)
  const result = await sweepOverlay(fixture, { stride })
  t.comment(`${result.points} points: ${result.old} old, ${result.new} new`)
  t.equal(result.mixed, 0, result.mixedPoints.join(', '))
  t.same(result.stuck, [], 'the next update succeeds')
  t.ok(result.points >= 12, `${result.points} points`)
  t.ok(result.old > 0 && result.new > 0)
})
