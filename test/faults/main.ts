// The full sweeps of the tuner's acts:
//   node dist/test/faults/main.js [--act "folder update"] [--real] [--stride N]
// Prints points and mixed states for each act, workload and mode; the second must be 0.
import { parseArgs } from 'node:util'
import { type FaultMode, faultModes } from './fault-file-system.ts'
import { sweepTuner, sweepTunerPowerCuts, type TunerAct, tunerActs } from './tuner-sweeps.ts'
import { workloads } from './update-workloads.ts'

const { values } = parseArgs({
  options: {
    act: { type: 'string' },
    real: { type: 'boolean' },
    stride: { type: 'string', default: '1' },
  },
})
const acts = tunerActs.filter((act) => values.act === undefined || act === values.act)
if (acts.length === 0) throw new TypeError(`--act is one of: ${tunerActs.join(', ')}`)

let points = 0
let mixed = 0

function tell(
  act: TunerAct,
  what: string,
  result: {
    readonly points: number
    readonly mixed: number
    readonly mixedPoints: readonly string[]
  },
): void {
  points += result.points
  mixed += result.mixed
  const counts = `${String(result.points).padStart(6)} points ${String(result.mixed).padStart(3)} mixed`
  process.stdout.write(`${act.padEnd(14)} ${what.padEnd(62)} ${counts}\n`)
  for (const point of result.mixedPoints) process.stdout.write(`    mixed: ${point}\n`)
}

async function sweep(act: TunerAct, mode: FaultMode): Promise<void> {
  for (const workload of workloads) {
    const stride = Number(values.stride)
    const isReal = values.real === true
    tell(
      act,
      `${mode}: ${workload.name}`,
      await sweepTuner({ act, workload, modes: [mode], stride, isReal }),
    )
  }
}

for (const act of acts) {
  for (const mode of faultModes) await sweep(act, mode)
  if (values.real === true) continue
  for (const workload of workloads) {
    tell(
      act,
      `power cut: ${workload.name}`,
      await sweepTunerPowerCuts({ act, workload, stride: Number(values.stride) }),
    )
  }
}
process.stdout.write(`${points} points, ${mixed} mixed\n`)
process.exitCode = mixed === 0 ? 0 : 1
