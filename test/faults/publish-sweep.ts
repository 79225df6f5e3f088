// A publish broken at every mutating file operation of the transmitter:
//   node dist/test/faults/publish-sweep.js [--mode eio] [--stride N]
// Prints points and mixed states for each mode; the second must be 0.
import { parseArgs } from 'node:util'
import { faultModes } from './fault-file-system.ts'
import { sweepPublish } from './publish-bench.ts'

const { values } = parseArgs({
  options: { mode: { type: 'string' }, stride: { type: 'string', default: '1' } },
})
let points = 0
let mixed = 0
for (const mode of faultModes) {
  if (values.mode !== undefined && values.mode !== mode) continue
  const result = await sweepPublish({ modes: [mode], stride: Number(values.stride) })
  points += result.points
  mixed += result.mixed
  const text = `${result.points} points: ${result.old} old, ${result.new} new, ${result.mixed} mixed`
  process.stdout.write(`publish ${mode.padEnd(12)} ${text}\n`)
  for (const point of result.mixedPoints) process.stdout.write(`    mixed: ${point}\n`)
}
process.stdout.write(`${points} points, ${mixed} mixed\n`)
process.exitCode = mixed === 0 ? 0 : 1
