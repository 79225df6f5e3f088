import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { makingMsMax, runMakeWorker } from '../../delta/bundle/run-make-worker.ts'
import { releaseOf } from '../unit/delta-releases.ts'

// Machines may be busy: this is no measurement.
t.setTimeout(120_000)

/** A worker's module, and a job whose path is a file that the worker writes. */
async function stage(t: Test, body: string) {
  const folder = t.testdir()
  const file = path.join(folder, 'worker.mjs')
  const start = `import { parentPort, workerData } from 'node:worker_threads'
import { writeFileSync } from 'node:fs'
writeFileSync(workerData.path, 'began')
`
  await writeFile(file, start + body)
  const { manifest } = releaseOf({ a: 'b' })
  const pool = new Uint8Array(new SharedArrayBuffer(0))
  const place = path.join(folder, 'out')
  const job = { oldManifest: manifest, newManifest: manifest, pool, effort: 'fast', path: place }
  return { job: job as Parameters<typeof runMakeWorker>[0], module: pathToFileURL(file) }
}

t.test('C22: a worker that never answers is ended, and no result comes of it', async (t) => {
  const { job, module } = await stage(t, 'setInterval(() => {}, 1000)')
  t.equal(await runMakeWorker(job, { module, cpuMs: 2000 }), undefined)
  t.equal(await readFile(job.path, 'utf8'), 'began')
})

t.test('C22: a worker that computes for ever is ended, too', async (t) => {
  const { job, module } = await stage(t, 'for (;;) {}')
  t.equal(await runMakeWorker(job, { module, cpuMs: 2000 }), undefined)
})

t.test('C22: a worker that answers but does not end keeps nothing waiting', async (t) => {
  const answer = `{ ok: true, sha256: 'aa', bytes: 1, notes: {} }`
  const body = `parentPort.postMessage(${answer})
setInterval(() => {}, 1000)`
  const { job, module } = await stage(t, body)
  const made = await runMakeWorker(job, { module })
  t.equal(made?.sha256, 'aa')
})

t.test('C22: a worker that ends without an answer fails the making by name', async (t) => {
  const { job, module } = await stage(t, '')
  await t.rejects(runMakeWorker(job, { module }), { code: 'LW_DELTA_MAKE' })
})

t.test('C22: every making has a limit of time, more for larger ones', async (t) => {
  t.equal(makingMsMax(0), 60_000)
  t.equal(makingMsMax(250e6), 560_000)
})
