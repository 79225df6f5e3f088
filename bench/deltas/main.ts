// How many bytes does an update cost, against the tools that people use?
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { Effort } from '../../delta/index.ts'
import { changedFiles } from './changed-files.ts'
import { hdiffpatchBytes, knownSteps, slowSteps } from './known-figures.ts'
import { runOurs } from './ours.ts'
import { peerNames, runPeers } from './peers.ts'
import { resolveSteps } from './steps.ts'
import { printMeans, printStep, type StepResult } from './table.ts'
import { measureWholeUpdate } from './whole-update.ts'

const usage = `usage: main.js [--fast] [--effort best|fast] [--peers NAME,…|--no-peers] [--no-update] [--cache DIR] [--json]
               [NAME@V1..V2 … | OLD NEW]
       main.js --means FILE…   (means over what --json wrote)`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cache: { type: 'string', default: path.join(tmpdir(), 'longwave-bench-cache') },
    effort: { type: 'string', default: 'best' },
    fast: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    means: { type: 'boolean', default: false },
    'no-peers': { type: 'boolean', default: false },
    'no-update': { type: 'boolean', default: false },
    peers: { type: 'string', default: peerNames.join(',') },
  },
})

if (values.help) {
  console.log(usage)
} else if (values.means) {
  const lines = positionals.flatMap((file) => readFileSync(file, 'utf8').trim().split('\n'))
  const results = lines.map((line) => JSON.parse(line) as StepResult)
  for (const result of results) printStep(result)
  printMeans(results)
} else {
  const peers = values['no-peers'] ? [] : values.peers.split(',')
  const all = positionals.length > 0 ? positionals : knownSteps
  const words = values.fast ? all.filter((word) => !slowSteps.test(word)) : all
  const results: StepResult[] = []
  const folder = await mkdtemp(path.join(tmpdir(), 'longwave-bench-'))
  try {
    for (const step of await resolveSteps(words, values.cache)) {
      const changed = await changedFiles(step.oldPath, step.newPath)
      const result: StepResult = {
        step,
        wholeBytes: changed.reduce((sum, file) => sum + file.size, 0),
        files: changed.length,
        peers: peers.length > 0 ? runPeers(step, changed, folder, peers) : undefined,
        hdiffpatch: hdiffpatchBytes[step.name],
        ours: runOurs(step, folder, values.effort as Effort),
        update: values['no-update'] ? undefined : await measureWholeUpdate(step),
      }
      results.push(result)
      if (values.json) console.log(JSON.stringify({ type: 'step', ...result }))
      else printStep(result)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  if (!values.json) printMeans(results)
}
