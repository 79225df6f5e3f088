import t from 'tap'
import { sweepTuner, type TunerAct } from '../faults/tuner-sweeps.ts'
import { workloads } from '../faults/update-workloads.ts'

const acts: readonly TunerAct[] = ['update', 'undo', 'folder update', 'folder undo']

for (const act of acts) {
  t.test(`R1 R2 R3 R4 C73: ${act} broken at a sample of its file operations`, async (t) => {
    for (const workload of workloads) {
      // Strides that share no factor reach different operations in each mode and workload.
      const result = await sweepTuner({ act, workload, stride: act === 'undo' ? 1 : 7 })
      t.comment(`${workload.name}: ${result.points} points, ${result.mixed} mixed`)
      t.strictSame(result.mixedPoints, [], `${workload.name}: old or new`)
      t.ok(result.points > 5, 'the sweep reached its points')
    }
  })
}
