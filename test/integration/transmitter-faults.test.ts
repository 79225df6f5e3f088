import t from 'tap'
import { sweepPublish } from '../faults/publish-bench.ts'

// `node dist/test/faults/publish-sweep.js` breaks every operation; here it is a sample.
t.test('R10: a publish that breaks anywhere leaves the old release or the new one', async (t) => {
  const result = await sweepPublish({ stride: 31 })
  t.comment(`${result.points} points: ${result.old} old, ${result.new} new, ${result.mixed} mixed`)
  t.same(result.mixedPoints, [])
  t.ok(result.points >= 10)
  t.ok(result.old > 0 && result.new > 0)
})
