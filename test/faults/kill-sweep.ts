// Real processes, really killed (SIGKILL) at their file operations:
//   node dist/test/faults/kill-sweep.js [--act "folder update"] [--stride N]
// Prints points and mixed states for each act and workload; the second must be 0.
import { spawnSync } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { nodeFileSystem } from '../../store/durable-files/index.ts'
import { type TunerAct, TunerBench, tunerActs } from './tuner-sweeps.ts'
import { workloads } from './update-workloads.ts'

const { values } = parseArgs({
  options: { act: { type: 'string' }, stride: { type: 'string', default: '1' } },
})
const worker = fileURLToPath(new URL('./tuner-act-worker.js', import.meta.url))
let points = 0
let mixed = 0

/** @returns undefined when the act ended before it was killed */
async function point(
  bench: TunerBench,
  from: string,
  how: readonly string[],
): Promise<string | undefined> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'lw-kill-'))
  try {
    await cp(from, root, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
    const place = { fs: nodeFileSystem, root }
    await bench.touch(place)
    const [act = '', workload = '', at = '', ending = ''] = how
    const given = [worker, act, workload, root, at, ending]
    const ended = spawnSync(process.execPath, given, { stdio: ['ignore', 'ignore', 'inherit'] })
    if (ended.signal !== 'SIGKILL') return undefined
    await bench.recover(place)
    return await bench.check(place)
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

async function sweep(act: TunerAct, workload: number): Promise<void> {
  const chosen = workloads[workload]
  if (chosen === undefined) return
  const bench = await TunerBench.open({ act, workload: chosen })
  const from = await mkdtemp(path.join(os.tmpdir(), 'lw-kill-from-'))
  const counts: Record<string, number> = { old: 0, new: 0, mixed: 0 }
  try {
    await bench.prepare({ fs: nodeFileSystem, root: from })
    for (const ending of ['kill-before', 'kill-after']) {
      for (let at = 1; ; at += Number(values.stride)) {
        const state = await point(bench, from, [act, String(workload), String(at), ending])
        if (state === undefined) break
        counts[state] = (counts[state] ?? 0) + 1
        if (state === 'mixed') process.stdout.write(`    mixed: ${ending} at ${at}\n`)
      }
    }
  } finally {
    await rm(from, { recursive: true, force: true })
  }
  const { old = 0, new: next = 0, mixed: wrong = 0 } = counts
  points += old + next + wrong
  mixed += wrong
  const text = `${old + next + wrong} points: ${old} old, ${next} new, ${wrong} mixed`
  process.stdout.write(`${act.padEnd(14)} ${chosen.name.padEnd(48)} ${text}\n`)
}

for (const act of tunerActs) {
  if (values.act !== undefined && values.act !== act) continue
  for (const workload of workloads.keys()) await sweep(act, workload)
}
process.stdout.write(`${points} points, ${mixed} mixed\n`)
process.exitCode = mixed === 0 ? 0 : 1
