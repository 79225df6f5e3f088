import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { scanTree } from '../../delta/directory/tree.ts'
import {
  applyBundle,
  type Effort,
  expectationOf,
  fileObjectSource,
  fileStaging,
  makeBundle,
} from '../../delta/index.ts'
import type { ChildAnswer } from './ours.ts'

const [verb, oldPath = '', newPath = '', delta = '', effort = 'best'] = process.argv.slice(2)

async function make(): Promise<ChildAnswer> {
  const old = await scanTree(oldPath, 1)
  const next = await scanTree(newPath, 2)
  const started = performance.now()
  const cpu = process.cpuUsage()
  const { notes } = await makeBundle({
    oldManifest: old.manifest,
    newManifest: next.manifest,
    source: fileObjectSource(new Map([...old.paths, ...next.paths])),
    outputPath: delta,
    effort: effort as Effort,
    here: true,
  })
  return answer(started, cpu, notes)
}

async function apply(): Promise<ChildAnswer> {
  const old = await scanTree(oldPath, 1)
  const next = await scanTree(newPath, 2)
  const folder = await mkdtemp(path.join(tmpdir(), 'longwave-bench-apply-'))
  const file = (index: number): string => path.join(folder, String(index))
  try {
    const started = performance.now()
    const cpu = process.cpuUsage()
    await applyBundle({
      bundle: { path: delta },
      oldManifest: old.manifest,
      source: fileObjectSource(old.paths),
      expect: expectationOf(next.manifest),
      staging: fileStaging(file, (name) => path.join(folder, name)),
    })
    return answer(started, cpu, {})
  } finally {
    await rm(folder, { recursive: true })
  }
}

function answer(started: number, cpu: NodeJS.CpuUsage, notes: ChildAnswer['notes']): ChildAnswer {
  const peakMiB = process.resourceUsage().maxRSS / 1024
  const { user, system } = process.cpuUsage(cpu)
  const cpuMs = (user + system) / 1000
  return { ms: performance.now() - started, cpuMs, peakMiB, notes }
}

const result = await (verb === 'make' ? make() : apply())
process.stdout.write(JSON.stringify(result))
