import t from 'tap'
import {
  sweepTuner,
  sweepTunerPowerCuts,
  type TunerAct,
  tunerActs,
  type TunerSweepResult,
} from '../faults/tuner-sweeps.ts'
import { type Workload, workloadsOf } from '../faults/update-workloads.ts'

// `node dist/test/faults/main.js` breaks every operation; here a sample keeps the suite quick. The
// stride shares no factor with the usual runs of operations, so it reaches different ones in each.
function strideOf(workload: Workload): number {
  // Applying a bundle or making a difference at each point is what takes long.
  return workload.route === 'whole' ? 41 : 67
}

type Test = Pick<typeof t, 'comment' | 'strictSame' | 'ok'>

function requireSound(t: Test, what: string, result: TunerSweepResult): void {
  t.comment(`${what}: ${result.points} points, ${result.mixed} mixed`)
  t.strictSame(result.mixedPoints, [], `${what}: old or new`)
  t.strictSame(result.litter, [], `${what}: nothing is left behind`)
  t.strictSame(result.stuck, [], `${what}: the next update succeeds`)
  t.ok(result.points >= 3, 'the sweep reached its points')
}

function nameOf(act: TunerAct, workload: Workload): string {
  return `${act}, ${workload.name}`
}

for (const act of tunerActs) {
  t.test(`R1 R2 R3 R4 R16 C73: ${act} broken at a sample of its file operations`, async (t) => {
    for (const workload of workloadsOf(act)) {
      const result = await sweepTuner({ act, workload, stride: strideOf(workload) })
      requireSound(t, nameOf(act, workload), result)
    }
  })

  t.test(`R6 C73: ${act} with the power cut at a sample of its file operations`, async (t) => {
    for (const workload of workloadsOf(act)) {
      const result = await sweepTunerPowerCuts({ act, workload, stride: strideOf(workload) })
      requireSound(t, nameOf(act, workload), result)
    }
  })
}

t.test('R1 C73: an update on the real file system, killed at a few operations', async (t) => {
  for (const act of ['update', 'folder update'] as const) {
    for (const workload of workloadsOf(act).slice(0, 1)) {
      const modes = ['kill-before'] as const
      const result = await sweepTuner({ act, workload, modes, stride: 47, isReal: true })
      requireSound(t, nameOf(act, workload), result)
    }
  }
})
