// Real processes over a real transmitter, really killed (SIGKILL) at their system calls:
//   node dist/test/faults/kill-sweep.js [--act "folder update"|publish] [--stride N] [--first N]
//     [--seconds N]
// Needs strace; says so loudly where it cannot run, and LONGWAVE_CI=1 makes that a failure. Prints
// points, mixed states, names left behind and how often the next update did not succeed.
import { parseArgs } from 'node:util'
import { KillBench, killedActs } from './kill-bench.ts'
import { sweepPublishKills } from './kill-publish.ts'
import { whyNotTraced } from './kill-run.ts'

const { values } = parseArgs({
  options: {
    act: { type: 'string' },
    stride: { type: 'string', default: '1' },
    first: { type: 'string', default: '1' },
    // Ends early, and prints what was found until then.
    seconds: { type: 'string', default: '3600' },
  },
})
const endMs = performance.now() + Number(values.seconds) * 1000
const how = {
  first: Number(values.first),
  stride: Number(values.stride),
  isOver: () => performance.now() > endMs,
}
let points = 0
let wrong = 0

function tell(
  act: string,
  counts: { readonly points: number; readonly old: number; readonly new: number },
  faults: Readonly<Record<'mixed' | 'litter' | 'stuck', readonly string[]>>,
): void {
  points += counts.points
  const { mixed, litter, stuck } = faults
  wrong += mixed.length + litter.length + stuck.length
  const found = `${counts.points} points: ${counts.old} old, ${counts.new} new`
  const rest = `${mixed.length} mixed, ${litter.length} left, ${stuck.length} stuck`
  process.stdout.write(`${act.padEnd(18)} ${found}, ${rest}\n`)
  for (const fault of [...mixed, ...litter, ...stuck]) process.stdout.write(`    ${fault}\n`)
}

async function sweepAll(): Promise<void> {
  const acts = killedActs.filter((act) => values.act === undefined || act === values.act)
  if (acts.length > 0) {
    const bench = await KillBench.open()
    try {
      await bench.prepare(acts)
      for (const act of acts) {
        const counts = await bench.sweep(act, how)
        tell(act, counts, counts)
      }
    } finally {
      await bench.close()
    }
  }
  if (values.act === undefined || values.act === 'publish') {
    const counts = await sweepPublishKills(how)
    tell('publish', counts, { ...counts, litter: [], stuck: [] })
  }
  process.stdout.write(`${points} points, ${wrong} mixed, left or stuck\n`)
  process.exitCode = wrong === 0 ? 0 : 1
}

const why = whyNotTraced()
if (why === undefined) await sweepAll()
else {
  process.stderr.write(`SKIPPED: nothing was killed: ${why}\n`)
  process.exitCode = process.env['LONGWAVE_CI'] === '1' ? 1 : 0
}
