import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import {
  acquireLock,
  ensureDirectory,
  isErrno,
  isTemporaryName,
  nodeFileSystem,
  removeTree,
  replaceSymlink,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import { type FaultPoint, startChild, sweepFaults } from '../faults/index.ts'

const base = await fs.mkdtemp(path.join(os.tmpdir(), 'lw-durable-faults-'))
t.teardown(() => fs.rm(base, { recursive: true, force: true }))

const newFolder = (): Promise<string> => fs.mkdtemp(path.join(base, 'x-'))
const cleanUp = (folder: string): Promise<void> => fs.rm(folder, { recursive: true, force: true })

/** A process that lives removes what it made; only a killed one leaves something. */
async function hasLeftovers(folder: string, point: FaultPoint): Promise<boolean> {
  if (point.mode.startsWith('kill')) return false
  return (await fs.readdir(folder)).some(isTemporaryName)
}

t.test('R1 R2 R3 R4: a durable write leaves the old bytes or the new ones', async (t) => {
  const old = 'a'.repeat(1000)
  const next = 'b'.repeat(2000)
  const result = await sweepFaults<string>({
    prepare: async () => {
      const folder = await newFolder()
      await fs.writeFile(path.join(folder, 'f'), old)
      return folder
    },
    act: (faulty, folder) => writeFileDurably(faulty, path.join(folder, 'f'), next),
    check: async (folder, point) => {
      const text = await fs.readFile(path.join(folder, 'f'), 'utf8')
      if (await hasLeftovers(folder, point)) return 'mixed'
      return text === old ? 'old' : text === next ? 'new' : 'mixed'
    },
    cleanUp,
  })
  t.comment(`${result.points} points, ${result.mixed} mixed`)
  t.same(result.mixedPoints, [])
  t.equal(result.points, 30)
})

t.test(
  'R1 R2 R3 R4: a link that is replaced points to the old target or the new one',
  async (t) => {
    const result = await sweepFaults<string>({
      prepare: async () => {
        const folder = await newFolder()
        await fs.symlink('old', path.join(folder, 'current'))
        return folder
      },
      act: (faulty, folder) => replaceSymlink(faulty, path.join(folder, 'current'), 'new'),
      check: async (folder, point) => {
        const target = await fs.readlink(path.join(folder, 'current'))
        if (await hasLeftovers(folder, point)) return 'mixed'
        return target === 'old' || target === 'new' ? target : 'mixed'
      },
      cleanUp,
    })
    t.same(result.mixedPoints, [])
    t.equal(result.points, 15)
  },
)

t.test('R1 R2 R3 R4: making and removing trees goes on where it was interrupted', async (t) => {
  const result = await sweepFaults<string>({
    prepare: newFolder,
    act: async (faulty, folder) => {
      await ensureDirectory(faulty, path.join(folder, 'a', 'b'), { mode: 0o700 })
      await writeFileDurably(faulty, path.join(folder, 'a', 'f'), '')
      await removeTree(faulty, path.join(folder, 'a'))
    },
    recover: async (folder) => {
      await ensureDirectory(nodeFileSystem, path.join(folder, 'a', 'b'), { mode: 0o700 })
      await removeTree(nodeFileSystem, path.join(folder, 'a'))
    },
    check: async (folder) => ((await fs.readdir(folder)).length === 0 ? 'new' : 'mixed'),
    cleanUp,
  })
  t.same(result.mixedPoints, [])
  t.ok(result.points > 50)
})

t.test('R47: a lock whose taking failed anywhere can be taken afterwards', async (t) => {
  const dead = { claim: claimOf('1'), liveness: async () => 'dead' as const }
  const result = await sweepFaults<string>({
    prepare: newFolder,
    act: async (faulty, folder) => {
      const lock = await acquireLock(faulty, folder, { probe: dead })
      await lock.release()
    },
    check: async (folder) => {
      const lock = await acquireLock(nodeFileSystem, folder, { probe: dead })
      const held = (await fs.readdir(folder)).filter((name) => /^lock\.[0-9a-f]+$/.test(name))
      await lock.release()
      return held.length === 1 ? 'new' : 'mixed'
    },
    cleanUp,
  })
  t.same(result.mixedPoints, [])
  t.ok(result.points >= 30)
})

function claimOf(startTicks: string) {
  const identity = {
    kind: 'linux' as const,
    host: 'h',
    bootId: 'b',
    pidNamespace: 'n',
    pid: 1,
    startTicks,
  }
  return async () => ({ identity, release: async () => undefined })
}

t.test('a sweep that meets a mistake of the workload says so', async (t) => {
  const sweeping = sweepFaults<string>({
    modes: ['eio'],
    prepare: newFolder,
    act: async () => Promise.reject(new TypeError('a mistake')),
    check: async () => 'old',
    cleanUp,
  })
  await t.rejects(sweeping, { message: 'a mistake' })
})

t.test('kill -9 at any moment leaves a whole file', async (t) => {
  for (const lines of [1, 3, 8]) {
    const folder = await newFolder()
    const child = await startChild('file', folder)
    for (let line = 0; line < lines; line++) await child.nextLine()
    const last = Number(await child.kill())
    const text = await fs.readFile(path.join(folder, 'file'), 'latin1')
    const step = Number.parseInt(text, 10)
    t.ok(step >= last, 'what was said to be durable is there')
    t.equal(text, Buffer.alloc(50_000, `${step} `).toString('latin1'))
    await cleanUp(folder)
  }
})

t.test('R47: a second owner is refused; the lock of a killed one is taken over', async (t) => {
  const folder = await newFolder()
  const child = await startChild('lock', folder)
  await child.nextLine()
  const error: unknown = await acquireLock(nodeFileSystem, folder).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  t.match(error, { code: 'LW_STORE_LOCKED', exit: 11, members: { pid: child.pid } })
  await child.kill()
  await using lock = await acquireLock(nodeFileSystem, folder)
  t.equal((await fs.readdir(folder)).length, 2, 'the dead claim is gone')
  await lock.release()
  t.same(await fs.readdir(folder), [])
  t.ok(isErrno(await fs.readFile(folder).catch((reason: unknown) => reason), 'EISDIR'))
})
