import t from 'tap'
import {
  sweepTuner,
  sweepTunerPowerCuts,
  type TunerAct,
  tunerActs,
} from '../faults/tuner-sweeps.ts'
import { type Workload, workloads } from '../faults/update-workloads.ts'

// `node dist/test/faults/main.js` breaks every operation; here a sample keeps the suite quick. The
// stride shares no factor with the usual runs of operations, so it reaches different ones in each.
function strideOf(act: TunerAct, workload: Workload): number {
  if (act === 'undo') return 1
  // Applying a bundle at each point is what takes long.
  return workload.isBundled === true ? 43 : 23
}

for (const act of tunerActs) {
  t.test(`R1 R2 R3 R4 C73: ${act} broken at a sample of its file operations`, async (t) => {
    for (const workload of workloads) {
      const result = await sweepTuner({ act, workload, stride: strideOf(act, workload) })
      t.comment(`${workload.name}: ${result.points} points, ${result.mixed} mixed`)
      t.strictSame(result.mixedPoints, [], `${workload.name}: old or new`)
      t.ok(result.points >= 3, 'the sweep reached its points')
    }
  })

  t.test(`R6 C73: ${act} with the power cut at a sample of its file operations`, async (t) => {
    for (const workload of workloads) {
      const result = await sweepTunerPowerCuts({ act, workload, stride: strideOf(act, workload) })
      t.strictSame(result.mixedPoints, [], `${workload.name}: old or new`)
      t.ok(result.points >= 3, 'the sweep reached its points')
    }
  })
}

t.test('R1 C73: an update on the real file system, killed at a few operations', async (t) => {
  const [workload] = workloads
  if (workload === undefined) throw new Error('there are workloads')
  for (const act of ['update', 'folder update'] as const) {
    const modes = ['kill-before'] as const
    const result = await sweepTuner({ act, workload, modes, stride: 47, isReal: true })
    t.strictSame(result.mixedPoints, [], `${act}, ${workload.name}: old or new`)
  }
})
