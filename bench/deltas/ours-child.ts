import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { scanTree } from '../../delta/directory/tree.ts'
import {
  applyBundle,
  type Effort,
  expectationOf,
  fileObjectSource,
  makeBundle,
} from '../../delta/index.ts'
import type { ChildAnswer } from './ours.ts'

const [verb, oldPath = '', newPath = '', delta = '', effort = 'best'] = process.argv.slice(2)

async function make(): Promise<ChildAnswer> {
  const old = await scanTree(oldPath, 1)
  const next = await scanTree(newPath, 2)
  const started = performance.now()
  const { notes } = await makeBundle({
    oldManifest: old.manifest,
    newManifest: next.manifest,
    source: fileObjectSource(new Map([...old.paths, ...next.paths])),
    outputPath: delta,
    effort: effort as Effort,
  })
  return answer(started, notes)
}

async function apply(): Promise<ChildAnswer> {
  const old = await scanTree(oldPath, 1)
  const next = await scanTree(newPath, 2)
  const folder = await mkdtemp(path.join(tmpdir(), 'longwave-bench-apply-'))
  const file = (index: number): string => path.join(folder, String(index))
  try {
    const started = performance.now()
    await applyBundle({
      bundle: { path: delta },
      oldManifest: old.manifest,
      source: fileObjectSource(old.paths),
      expect: expectationOf(next.manifest),
      staging: {
        async create(index) {
          const handle = await open(file(index), 'wx')
          return { write: (bytes) => handle.writeFile(bytes), close: () => handle.close() }
        },
        async open(index) {
          const paths = new Map([[next.manifest as never, file(index)]])
          return await fileObjectSource(paths).open(next.manifest as never)
        },
        scratchPath: (name) => path.join(folder, name),
      },
    })
    return answer(started, {})
  } finally {
    await rm(folder, { recursive: true })
  }
}

function answer(started: number, notes: ChildAnswer['notes']): ChildAnswer {
  const peakMiB = process.resourceUsage().maxRSS / 1024
  return { ms: performance.now() - started, peakMiB, notes }
}

const result = await (verb === 'make' ? make() : apply())
process.stdout.write(JSON.stringify(result))
