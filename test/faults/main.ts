// The full sweeps of the tuner's acts:
//   node dist/test/faults/main.js [--act "folder update"] [--mode eio] [--real] [--stride N]
// Prints for each act, workload and mode: points, mixed states, names that were left behind, and
// how often the next act or update did not succeed; all but the first must be 0.
import { parseArgs } from 'node:util'
import { faultModes } from './fault-file-system.ts'
import {
  sweepTuner,
  sweepTunerPowerCuts,
  type TunerAct,
  tunerActs,
  type TunerSweepResult,
} from './tuner-sweeps.ts'
import { type Workload, workloadsOf } from './update-workloads.ts'

const { values } = parseArgs({
  options: {
    act: { type: 'string' },
    mode: { type: 'string' },
    real: { type: 'boolean' },
    stride: { type: 'string', default: '1' },
  },
})
const acts = tunerActs.filter((act) => values.act === undefined || act === values.act)
if (acts.length === 0) throw new TypeError(`--act is one of: ${tunerActs.join(', ')}`)
const stride = Number(values.stride)
const totals = { points: 0, mixed: 0, litter: 0, stuck: 0 }

function tell(act: TunerAct, what: string, result: TunerSweepResult): void {
  const counts = {
    points: result.points,
    mixed: result.mixed,
    litter: result.litter.length,
    stuck: result.stuck.length,
  }
  for (const name of ['points', 'mixed', 'litter', 'stuck'] as const) totals[name] += counts[name]
  process.stdout.write(`${act.padEnd(18)} ${what.padEnd(62)} ${textOf(counts)}\n`)
  for (const point of result.mixedPoints) process.stdout.write(`    mixed: ${point}\n`)
  for (const name of new Set(result.litter)) process.stdout.write(`    left: ${name}\n`)
  for (const error of new Set(result.stuck)) process.stdout.write(`    next: ${error}\n`)
}

function textOf(counts: typeof totals): string {
  const { points, mixed, litter, stuck } = counts
  return `${String(points).padStart(6)} points ${mixed} mixed ${litter} left ${stuck} stuck`
}

async function sweepAct(act: TunerAct, workload: Workload): Promise<void> {
  const isReal = values.real === true
  for (const mode of faultModes) {
    if (values.mode !== undefined && values.mode !== mode) continue
    const options = { act, workload, modes: [mode], stride, isReal }
    tell(act, `${mode}: ${workload.name}`, await sweepTuner(options))
  }
  if (isReal || (values.mode !== undefined && values.mode !== 'power-cut')) return
  const result = await sweepTunerPowerCuts({ act, workload, stride })
  tell(act, `power cut: ${workload.name}`, result)
}

for (const act of acts) for (const workload of workloadsOf(act)) await sweepAct(act, workload)
process.stdout.write(`in all: ${textOf(totals).trim()}\n`)
process.exitCode = totals.mixed + totals.litter + totals.stuck === 0 ? 0 : 1
