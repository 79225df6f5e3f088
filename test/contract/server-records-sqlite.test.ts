import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import v8 from 'node:v8'
import vm from 'node:vm'
import Libsql from 'libsql'
import t from 'tap'
import { type ServerRecords, openServerRecords } from '../../store/server-records/index.ts'
import { startChild } from '../faults/index.ts'
import { collect, commitOf, news, objectNamed, serverRecordsContract } from './server-records.ts'

const base = await mkdtemp(path.join(os.tmpdir(), 'lw-records-'))
t.teardown(() => rm(base, { recursive: true, force: true }))
let count = 0
const freshFile = (): string => path.join(base, `${++count}`, 'records.db')
const open = (file = freshFile()): Promise<ServerRecords> =>
  openServerRecords({ url: `sqlite:${file}` })

t.test('SQLite', async (t) => {
  serverRecordsContract(t, open)
})

t.test('kill -9 at any moment: what was committed is there, releases are whole', async (t) => {
  for (const lines of [1, 5, 12]) {
    const directory = await mkdtemp(path.join(base, 'x-'))
    const child = await startChild('server-records', directory)
    for (let line = 0; line < lines; line++) await child.nextLine()
    const last = Number(await child.kill())
    await using records = await open(path.join(directory, 'records.db'))
    t.same(await records.check(), [])
    const channel = await records.channels.find(news)
    const head = channel?.headRelease ?? 0
    t.ok(head >= last)
    t.equal(channel?.versions.targets, head)
    for (let release = 1; release <= head; release++) {
      const texts = Array.from({ length: 300 }, (_, at) => `object ${release >> (at % 4)} ${at}`)
      const { objects } = commitOf(news, release, texts)
      const stored = await collect(records.releases.objects(news, release))
      t.same(
        new Set(stored.map((each) => each.digest)),
        new Set(objects.map((each) => each.digest)),
      )
    }
    t.equal((await records.releases.list(news)).length, head)
  }
})

t.test('S42: the database is this user’s alone, whatever the umask is', async (t) => {
  const before = process.umask(0)
  t.teardown(() => process.umask(before))
  const file = freshFile()
  await using records = await open(file)
  await records.settings.set('k', 'v')
  for (const each of await readdir(path.dirname(file))) {
    t.equal((await stat(path.join(path.dirname(file), each))).mode & 0o777, 0o600, each)
  }
})

t.test('opening again keeps everything; a newer version’s records are refused', async (t) => {
  const file = freshFile()
  {
    await using records = await open(file)
    await records.releases.commit(commitOf(news, 1, ['a']))
  }
  {
    await using records = await open(file)
    t.equal((await records.channels.list()).length, 1)
  }
  const database = new Libsql(file)
  database.exec("insert into migrations (name, timestamp) values ('999-later', 'x')")
  database.close()
  await t.rejects(open(file), { code: 'LW_STORE_RECORDS_NEWER' })
})

t.test('two processes share one database', async (t) => {
  const file = freshFile()
  await using one = await open(file)
  await using two = await open(file)
  await one.releases.commit(commitOf(news, 1, ['a']))
  t.equal((await two.channels.find(news))?.headRelease, 1)
  const contenders = [one, two].map((each, at) =>
    each.releases.commit(commitOf(news, 2, [`${at}`])),
  )
  const outcomes = await Promise.all(contenders)
  t.same(outcomes.map((each) => each.outcome).sort(), ['committed', 'conflict'])
})

t.test('R45: a file that is no database is refused and left as it is', async (t) => {
  const file = freshFile()
  await mkdir(path.dirname(file))
  await writeFile(file, 'this is not a database'.repeat(1000))
  await t.rejects(open(file), { code: 'LW_STORE_RECORDS_DAMAGED' })
  t.equal((await stat(file)).size, 22_000)
  await t.rejects(openServerRecords({ url: 'mysql://x' }), { code: 'LW_STORE_RECORDS_URL' })
  await t.rejects(open(path.join(file, 'below')), { code: 'LW_STORE_IO' })
})

t.test('check finds damage inside the database', async (t) => {
  const file = freshFile()
  {
    await using records = await open(file)
    const texts = Array.from({ length: 2000 }, (_, at) => `object ${at}`)
    await records.releases.commit(commitOf(news, 1, texts))
    t.same(await records.check(), [])
  }
  const bytes = await readFile(file)
  for (let at = 40_000; at < bytes.length; at += 4096) bytes.fill(0xa5, at, at + 200)
  await writeFile(file, bytes)
  let found: readonly string[] | string = []
  try {
    await using records = await open(file)
    found = await records.check()
  } catch (error) {
    found = (error as { code: string }).code
  }
  t.ok(found.length > 0)
})

t.test('a backup is a whole copy of one moment, and never overwrites', async (t) => {
  const file = freshFile()
  await using records = await open(file)
  await records.releases.commit(commitOf(news, 1, ['a', 'b']))
  const copy = path.join(path.dirname(file), 'copy.db')
  await records.backup(copy)
  await records.releases.commit(commitOf(news, 2, ['c']))
  await using restored = await open(copy)
  t.equal((await restored.channels.find(news))?.headRelease, 1)
  t.equal((await stat(copy)).mode & 0o777, 0o600)
  t.same(await restored.check(), [])
  await t.rejects(records.backup(copy), { code: 'LW_STORE_IO' })
})

t.test(
  'values that the database driver cannot take are refused before they reach it',
  async (t) => {
    await using records = await open()
    for (const value of [true, 'a\0b', Number.NaN, {}]) {
      await t.rejects(records.settings.set('k', value as string), TypeError)
    }
    t.equal(await records.settings.get('k'), undefined)
  },
)

t.test('closing gives back what was opened, once it is collected', async (t) => {
  v8.setFlagsFromString('--expose-gc')
  const collectGarbage = vm.runInNewContext('gc') as () => void
  const descriptors = async (): Promise<number> => {
    // The driver closes its files when its objects are collected, some turns later.
    for (let turn = 0; turn < 20; turn++) {
      collectGarbage()
      await new Promise((resolve) => setImmediate(resolve))
    }
    return (await readdir('/proc/self/fd').catch((): string[] => [])).length
  }
  const before = await descriptors()
  for (let round = 0; round < 10; round++) {
    await using records = await open()
    await records.settings.set('k', 'v')
  }
  const after = await descriptors()
  t.ok(after <= before + 12, `${before} before, ${after} after`)
})

t.test('a deletion that a killed process began is finished at the next start', async (t) => {
  const file = freshFile()
  const dead = await open(file)
  await dead.retention.addUnreferenced([objectNamed('n')], 5)
  await t.rejects(dead.retention.deleteObjects(5, () => Promise.reject(new Error('killed'))))
  await dead.close()
  await using records = await open(file)
  const removed: string[] = []
  const remove = async (digests: readonly string[]): Promise<void> => {
    removed.push(...digests)
  }
  t.equal(await records.retention.deleteObjects(6, remove), 0, 'it may be under way elsewhere')
  t.equal(await records.retention.deleteObjects(6, remove, { isOnlyProcess: true }), 1)
  t.same(removed, [objectNamed('n').digest])
})
