import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { digestOf } from '../../protocol/index.ts'
import { type FileSystem, nodeFileSystem } from '../../store/durable-files/index.ts'
import { type ObjectStore, createFileObjectStore } from '../../store/objects/index.ts'
import { type FaultPoint, FaultFileSystem, startChild, sweepFaults } from '../faults/index.ts'

const base = await fs.mkdtemp(path.join(os.tmpdir(), 'lw-store-'))
t.teardown(() => fs.rm(base, { recursive: true, force: true }))
const newFolder = (): Promise<string> => fs.mkdtemp(path.join(base, 'x-'))
const cleanUp = (folder: string): Promise<void> => fs.rm(folder, { recursive: true, force: true })

const contents = ['one', 'two', 'x'.repeat(3000)].map((text) => Buffer.from(text))

function objects() {
  return contents.map((bytes) => ({
    digest: digestOf(bytes),
    size: bytes.byteLength,
    source: [bytes.subarray(0, 2), bytes.subarray(2)],
  }))
}

async function leftovers(directory: string): Promise<readonly string[]> {
  return fs.readdir(path.join(directory, 'incoming')).catch((): string[] => [])
}

/**
 * What a transmitter finds after a failure: every object that is there is sound, a new attempt
 * completes, and nothing is left over.
 */
async function checkStore(directory: string, point: FaultPoint): Promise<'old' | 'new' | 'mixed'> {
  // A process that goes on cleans up at once, unless cleaning up is what failed.
  const isAlive = !point.mode.startsWith('kill')
  const left = await leftovers(directory)
  if (isAlive && point.operation !== 'unlink' && left.length > 0) return 'mixed'
  const store = createFileObjectStore({ directory })
  await store.tidy({ partialsUntouchedSinceMs: 0 })
  if ((await leftovers(directory)).length > 0) return 'mixed'
  let count = 0
  for await (const finding of store.scrub()) {
    if (finding.state !== 'sound') return 'mixed'
    count++
  }
  await store.receiveMany(objects())
  const missing = await store.missing(contents.map((bytes) => digestOf(bytes)))
  if (missing.size > 0) return 'mixed'
  return count === contents.length ? 'new' : 'old'
}

const works: Readonly<Record<string, (store: ObjectStore) => Promise<unknown>>> = {
  'one by one': async (store) => {
    for (const object of objects()) await store.receive(object)
  },
  'in a group': (store) => store.receiveMany(objects()),
  'in parts': async (store) => {
    for (const { digest, size, source } of objects()) {
      await using partial = await store.openPartial(`p-${digest}`)
      await partial.append(0, source)
      await partial.finish({ digest, size })
    }
  },
}

for (const [name, work] of Object.entries(works)) {
  t.test(
    `R1 R2 R3 R4 R10: receiving ${name} can fail anywhere, no object is partial`,
    async (t) => {
      const result = await sweepFaults<string>({
        prepare: newFolder,
        act: (fileSystem, directory) => work(createFileObjectStore({ directory, fileSystem })),
        check: checkStore,
        cleanUp,
      })
      t.comment(`${result.points} points, ${result.mixed} mixed`)
      t.same(result.mixedPoints, [])
      t.ok(result.points > 80)
    },
  )
}

t.test('an object whose folder could not be made durable is received again', async (t) => {
  const directory = await newFolder()
  let fails = true
  const failing: FileSystem = {
    ...nodeFileSystem,
    async syncDirectory(folder) {
      if (fails && /objects\/..$/.test(folder)) {
        throw Object.assign(new Error('EIO'), { code: 'EIO', errno: -5 })
      }
      await nodeFileSystem.syncDirectory(folder)
    },
  }
  const store = createFileObjectStore({ directory, fileSystem: failing })
  const [object] = objects()
  if (object === undefined) throw new TypeError('no object')
  await t.rejects(store.receive(object), { code: 'LW_STORE_IO' })
  fails = false
  t.equal(await store.receive(object), 'stored', 'not merely found present')
  t.equal(await store.receive(object), 'present')
})

t.test('a group of objects syncs each folder once', async (t) => {
  const watched = new FaultFileSystem(nodeFileSystem)
  const store = createFileObjectStore({ directory: await newFolder(), fileSystem: watched })
  const many = Array.from({ length: 1000 }, (_, at) => Buffer.from(`object ${at}`))
  await store.receiveMany(
    many.map((bytes) => ({ digest: digestOf(bytes), size: bytes.byteLength, source: [bytes] })),
  )
  const synced = watched.operations.filter((each) => each.name === 'syncDirectory')
  const fanOut = synced.filter((each) => /objects\/..$/.test(each.path))
  t.equal(fanOut.length, new Set(fanOut.map((each) => each.path)).size)
  t.equal(watched.operations.filter((each) => each.name === 'sync').length, 1000)
})

t.test('kill -9 at any moment: what was said to be stored is there and sound', async (t) => {
  for (const lines of [1, 10, 30]) {
    const directory = await newFolder()
    const child = await startChild('objects', directory)
    for (let line = 0; line < lines; line++) await child.nextLine()
    const last = Number(await child.kill())
    const store = createFileObjectStore({ directory })
    await store.tidy({ partialsUntouchedSinceMs: 0 })
    t.same(await leftovers(directory), [])
    for await (const finding of store.scrub()) {
      if (finding.state !== 'sound') t.fail(`${finding.digest} is damaged`)
    }
    const said = Array.from({ length: (last + 1) * 20 }, (_, at) =>
      digestOf(`object ${Math.floor(at / 20)} ${at % 20}`),
    )
    t.same(await store.missing(said), new Set())
    await cleanUp(directory)
  }
})
