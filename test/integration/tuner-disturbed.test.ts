import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { nodeFileSystem } from '../../store/durable-files/index.ts'
import { passingModes } from '../faults/index.ts'
import { withPartialTransfers } from '../faults/partial-transfers.ts'
import { TunerBench } from '../faults/tuner-bench.ts'
import { sweepTuner, tunerActs } from '../faults/tuner-sweeps.ts'
import { workloadsOf } from '../faults/update-workloads.ts'

t.setTimeout(240_000)

// `node dist/test/faults/main.js --mode eintr` breaks every operation; here is a sample.
const stride = 83

for (const act of tunerActs) {
  t.test(`R5: ${act} with EINTR and EAGAIN at a sample of its file operations`, async (t) => {
    const points = { all: 0 }
    for (const workload of workloadsOf(act)) {
      const result = await sweepTuner({ act, workload, modes: passingModes, stride })
      t.strictSame(result.mixedPoints, [], `${workload.name}: old or new`)
      t.strictSame(result.litter, [], `${workload.name}: nothing is left behind`)
      t.strictSame(result.stuck, [], `${workload.name}: the next update succeeds`)
      points.all += result.points
    }
    t.ok(points.all >= 2, `${points.all} points`)
  })
}

for (const act of ['update', 'folder update', 'heal', 'folder undo'] as const) {
  t.test(`R5: ${act} where every read and write moves only a part`, async (t) => {
    for (const workload of workloadsOf(act).slice(0, 2)) {
      const bench = await TunerBench.open({ act, workload })
      const root = await mkdtemp(path.join(os.tmpdir(), 'lw-parts-'))
      t.teardown(() => rm(root, { recursive: true, force: true }))
      const place = { fs: nodeFileSystem, root }
      await bench.prepare(place)
      const before = await bench.tree(place)
      await withPartialTransfers(() => bench.act(place))
      const after = await bench.tree(place)
      t.notSame([...after], [...before], `${workload.name}: it was done`)
      t.equal(await bench.check(place, after), 'new', workload.name)
    }
  })
}
