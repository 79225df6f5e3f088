import t from 'tap'
import { KillBench, type KilledAct } from '../faults/kill-bench.ts'
import { sweepPublishKills } from '../faults/kill-publish.ts'
import { whyNotTraced } from '../faults/kill-run.ts'

// `node dist/test/faults/kill-sweep.js` kills at every system call; here it is a sample.
const why = whyNotTraced()
const isCi = process.env['LONGWAVE_CI'] === '1'
const skip = why === undefined || isCi ? false : `nothing can be killed here: ${why}`

t.test('R1 R16 C73: commands that are really killed', { skip }, async (t) => {
  const bench = await KillBench.open()
  t.teardown(() => bench.close())
  const acts: readonly KilledAct[] = ['update', 'folder update']
  await bench.prepare(acts)
  for (const act of acts) {
    const counts = await bench.sweep(act, { first: 17, stride: 37 })
    t.comment(`${act}: ${counts.points} points, ${counts.old} old, ${counts.new} new`)
    t.ok(counts.points >= 1, `${act}: something was killed`)
    t.strictSame(counts.mixed, [], `${act}: old or new`)
    t.strictSame(counts.litter, [], `${act}: nothing is left behind`)
    t.strictSame(counts.stuck, [], `${act}: the next update succeeds`)
  }
})

t.test('R10: a transmitter that is really killed while it takes a release', { skip }, async (t) => {
  const counts = await sweepPublishKills({ first: 29, stride: 43 })
  t.comment(`${counts.points} points, ${counts.old} old, ${counts.new} new`)
  t.ok(counts.points >= 1, 'something was killed')
  t.strictSame(counts.mixed, [], 'old or new')
})
