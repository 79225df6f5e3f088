import t from 'tap'
import { simulateNetwork } from '../faults/network-simulation.ts'

// Servers are processes; what they lose is looked at when all have come again.
t.setTimeout(120_000)

t.test('R35 R36 R37: servers and plug-in are killed under updating tuners', async (t) => {
  const result = await simulateNetwork({ seconds: 6, lightTuners: 9, realTuners: 2, seed: 7 })
  const kills = Object.values(result.kills).reduce((sum, count) => sum + count, 0)
  t.ok(kills >= 2, `${kills} kills`)
  t.ok(result.rounds > 10, `${result.rounds} rounds`)
  t.equal(result.stuck, 0, `all have the last release after ${Math.round(result.convergedMs)} ms`)
  t.same(result.mixed, [], 'nobody saw files of two releases')
  t.same(result.plugin, { lost: 0, doubled: 0 })
  t.match(result.feedback, { lost: 0, doubled: 0 })
  t.ok(result.feedback.sent >= result.rounds)
})
