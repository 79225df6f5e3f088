import { existsSync } from 'node:fs'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gzip as gzipBytes } from 'pako'
import t from 'tap'
import {
  applyBundle,
  applyDirectoryDelta,
  expectationOf,
  fileObjectSource,
  inspectBundle,
  makeBundle,
  makeDirectoryDelta,
  memoryObjectSource,
  verifyDirectoryDelta,
} from '../../delta/index.ts'
import { digestOf } from '../../protocol/index.ts'
import { memoryStaging, noise, prose, releaseOf, seeded } from '../unit/delta-releases.ts'

function releases() {
  const random = seeded(11)
  const text = prose(random, 9000)
  const old = releaseOf({ 'a.txt': text, 'b.bin': noise(random, 20_000), 'pack.gz': gzip(text) })
  const newText = text.replaceAll('tuner', 'receiver')
  const next = releaseOf(
    { 'a.txt': newText, 'b.bin': noise(random, 20_000), 'pack.gz': gzip(newText) },
    { release: 2 },
  )
  return { old, next, source: memoryObjectSource(new Map([...old.objects, ...next.objects])) }
}

function gzip(text: string): Uint8Array {
  return gzipBytes(text, { level: 9 })
}

// Machines may be busy: this is no measurement.
t.setTimeout(180_000)

t.test('C22: making runs in a worker, proves its result and leaves one file', async (t) => {
  const { old, next, source } = releases()
  const outputPath = path.join(t.testdir(), 'bundle')
  const options = { oldManifest: old.manifest, newManifest: next.manifest, source, outputPath }
  let turns = 0
  const turning = setInterval(() => turns++, 1)
  const made = await makeBundle({ ...options, effort: 'best' })
  clearInterval(turning)
  t.ok(turns > 5, 'the event loop went on')
  t.equal(made.proved, true)
  const bundle = await readFile(outputPath)
  t.equal(bundle.length, made.bytes)
  t.equal(digestOf(bundle), made.sha256)
  t.notOk(existsSync(`${outputPath}.making`))
  const outputs: Uint8Array[] = []
  const { manifest } = await applyBundle({
    bundle: { path: outputPath },
    oldManifest: old.manifest,
    source: memoryObjectSource(old.objects),
    staging: memoryStaging(outputs),
    expect: expectationOf(next.manifest),
  })
  t.same(manifest, Buffer.from(next.manifest))
  const fast = await makeBundle({ ...options, effort: 'fast' })
  t.ok(made.bytes <= fast.bytes + 100, `best ${made.bytes}, fast ${fast.bytes}`)
})

t.test('C23: an archive is differenced unpacked', async (t) => {
  const random = seeded(12)
  const text = prose(random, 60_000)
  const old = releaseOf({ 'pack.tgz': gzip(text) })
  const next = releaseOf({ 'pack.tgz': gzip(`${text}and a little more`) }, { release: 2 })
  const outputPath = path.join(t.testdir(), 'bundle')
  const { bytes } = await makeBundle({
    oldManifest: old.manifest,
    newManifest: next.manifest,
    source: memoryObjectSource(new Map([...old.objects, ...next.objects])),
    outputPath,
    effort: 'best',
  })
  t.ok(bytes < 200, `${bytes} bytes`)
  const contents = await inspectBundle(outputPath, {
    oldManifest: old.manifest,
    source: memoryObjectSource(old.objects),
    expect: expectationOf(next.manifest),
  })
  t.equal(contents.details?.files[0]?.unpacked, true)
})

t.test('C22: a cancelled making leaves no file', async (t) => {
  const { old, next, source } = releases()
  const folder = t.testdir()
  const outputPath = path.join(folder, 'bundle')
  const controller = new AbortController()
  const making = makeBundle({
    oldManifest: old.manifest,
    newManifest: next.manifest,
    source: {
      open: async (digest) => {
        queueMicrotask(() => controller.abort())
        return await source.open(digest)
      },
    },
    outputPath,
    effort: 'best',
    signal: controller.signal,
  })
  await t.rejects(making, { code: 'LW_DELTA_CANCELLED' })
  t.notOk(existsSync(outputPath))
  t.notOk(existsSync(`${outputPath}.making`))
})

t.test('a making whose objects are missing or damaged fails by name', async (t) => {
  const { old, next } = releases()
  const outputPath = path.join(t.testdir(), 'bundle')
  const making = makeBundle({
    oldManifest: old.manifest,
    newManifest: next.manifest,
    source: fileObjectSource(new Map()),
    outputPath,
    effort: 'fast',
  })
  await t.rejects(making, { code: 'LW_DELTA_BASE' })
  const wrong = new Map(
    [...old.objects, ...next.objects].map(([id, b]) => [id, b.map((x) => x ^ 1)]),
  )
  const proving = makeBundle({
    oldManifest: old.manifest,
    newManifest: next.manifest,
    source: memoryObjectSource(wrong),
    outputPath,
    effort: 'fast',
  })
  await t.rejects(proving, { code: 'LW_DELTA_MAKE' })
  t.notOk(existsSync(outputPath))
})

t.test('directories: make, verify, apply, inspect', async (t) => {
  const root = t.testdir({
    old: { 'a.txt': prose(seeded(1), 900), sub: { b: 'b' }, empty: {} },
    new: { 'a.txt': `${prose(seeded(1), 900)}!`, sub: { c: 'b' } },
  })
  await symlink('a.txt', path.join(root, 'new', 'link'))
  const oldPath = path.join(root, 'old')
  const deltaPath = path.join(root, 'delta')
  const made = await makeDirectoryDelta({
    oldPath,
    newPath: path.join(root, 'new'),
    outputPath: deltaPath,
  })
  t.ok(made.bytes < 150, `${made.bytes} bytes`)
  t.equal((await verifyDirectoryDelta({ oldPath, deltaPath })).builtFiles, 1)
  const newPath = path.join(root, 'result')
  await applyDirectoryDelta({ oldPath, deltaPath, newPath })
  t.equal(await readFile(path.join(newPath, 'link'), 'utf8'), `${prose(seeded(1), 900)}!`)
  t.equal(await readFile(path.join(newPath, 'sub', 'c'), 'utf8'), 'b')
  t.notOk(existsSync(path.join(newPath, 'empty')))
  const contents = await inspectBundle(deltaPath)
  t.equal(contents.bytes, made.bytes)
  t.equal(contents.expect?.entries, 3)
  await t.rejects(applyDirectoryDelta({ oldPath, deltaPath, newPath }), { name: 'LongwaveError' })
  await t.rejects(verifyDirectoryDelta({ oldPath: newPath, deltaPath }), { code: 'LW_DELTA_BASE' })
})

t.test('single files: make and apply', async (t) => {
  const root = t.testdir({ old: prose(seeded(2), 500), other: {} })
  const oldPath = path.join(root, 'old')
  const newFile = path.join(root, 'new')
  await writeFile(newFile, `${prose(seeded(2), 500)} and more`, { mode: 0o755 })
  await mkdir(path.join(root, 'out'))
  const deltaPath = path.join(root, 'delta')
  await makeDirectoryDelta({ oldPath, newPath: newFile, outputPath: deltaPath, effort: 'fast' })
  const newPath = path.join(root, 'out', 'result')
  await applyDirectoryDelta({ oldPath, deltaPath, newPath })
  t.same(await readFile(newPath), await readFile(newFile))
})

t.test('C22: beyond its budget a making falls to whole objects and says so', async (t) => {
  const { old, next, source } = releases()
  const outputPath = path.join(t.testdir(), 'bundle')
  const options = { oldManifest: old.manifest, newManifest: next.manifest, source, outputPath }
  for (const budget of [{ memoryBytesMax: 1000 }, { cpuMs: 0 }]) {
    const made = await makeBundle({ ...options, effort: 'fast', budget })
    t.equal(made.notes['whole'], 1)
    t.equal(digestOf(await readFile(outputPath)), made.sha256)
    const outputs: Uint8Array[] = []
    const { manifest } = await applyBundle({
      bundle: { path: outputPath },
      oldManifest: old.manifest,
      source: memoryObjectSource(old.objects),
      staging: memoryStaging(outputs),
      expect: expectationOf(next.manifest),
    })
    t.same(manifest, Buffer.from(next.manifest))
  }
})
