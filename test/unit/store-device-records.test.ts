import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { isLongwaveError } from '../../protocol/index.ts'
import {
  type DeviceRecords,
  numberKey,
  openDeviceRecords,
  setDeviceRecordsAside,
} from '../../store/device-records/index.ts'
import { nodeFileSystem } from '../../store/durable-files/index.ts'
import { startChild, sweepFaults } from '../faults/index.ts'

const base = await fs.mkdtemp(path.join(os.tmpdir(), 'lw-device-'))
t.teardown(() => fs.rm(base, { recursive: true, force: true }))
const newFolder = (): Promise<string> => fs.mkdtemp(path.join(base, 'x-'))

interface Item {
  readonly n: number
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    return isLongwaveError(error) ? error.code : String(error)
  }
}

t.test(
  'records keep JSON values by space and key, also after they were opened again',
  async (t) => {
    const directory = await newFolder()
    {
      await using records = await openDeviceRecords({ directory })
      const items = records.space<Item>('items')
      const others = records.space<string>('others')
      t.equal(await items.get('a'), undefined)
      await items.put('a', { n: 1 })
      await items.put('a', { n: 2 })
      await items.put('b', { n: 3 }, { sync: false })
      await others.put('a', 'text "quoted" \ud800 é')
      await items.delete('nothing')
      t.same(await items.get('a'), { n: 2 })
      await items.delete('b')
      await items.put('', { n: 9 })
    }
    await using records = await openDeviceRecords({ directory })
    t.same(await collect(records.space<Item>('items').iterate()), [
      { key: '', value: { n: 9 } },
      { key: 'a', value: { n: 2 } },
    ])
    t.equal(await records.space<string>('others').get('a'), 'text "quoted" \ud800 é')
    t.equal(await records.space('item').get('s!a'), undefined)
  },
)

t.test('a range has a prefix, a beginning, a length and a direction', async (t) => {
  await using records = await openDeviceRecords({ directory: await newFolder() })
  const items = records.space<number>('items')
  const keys = ['a', 'b/1', 'b/2', 'b/3', 'b\u{10fffe}', 'c']
  await records.batch(keys.map((key, at) => items.putting(key, at)))
  await records.space('items2').put('b/1', 1)
  await records.space('item').put('b/1', 1)
  const keysOf = async (range: Parameters<typeof items.iterate>[0]) =>
    (await collect(items.iterate(range))).map((entry) => entry.key)
  t.same(await keysOf(undefined), keys)
  t.same(await keysOf({ prefix: 'b/' }), ['b/1', 'b/2', 'b/3'])
  t.same(await keysOf({ prefix: 'b/', after: 'b/1' }), ['b/2', 'b/3'])
  t.same(await keysOf({ prefix: 'b/', after: 'a' }), ['b/1', 'b/2', 'b/3'])
  t.same(await keysOf({ after: 'b/3' }), ['b\u{10fffe}', 'c'])
  t.same(await keysOf({ prefix: 'b', countMax: 2, isReversed: true }), ['b\u{10fffe}', 'b/3'])
  t.same(await keysOf({ prefix: 'z' }), [])
})

t.test('number keys sort as the numbers do', async (t) => {
  const numbers = [0, 1, 9, 10, 99, 100, 2 ** 40, Number.MAX_SAFE_INTEGER]
  t.same(numbers.map(numberKey).sort(), numbers.map(numberKey))
  t.throws(() => numberKey(-1), TypeError)
  t.throws(() => numberKey(1.5), TypeError)
})

t.test('a batch is one change across spaces; of one key the last change counts', async (t) => {
  const directory = await newFolder()
  const open = await openDeviceRecords({ directory })
  const a = open.space<number>('a')
  const b = open.space<number>('b')
  await Promise.all([
    open.batch([a.putting('k', 1), b.putting('k', 2), a.putting('k', 3), a.deleting('gone')]),
    open.batch([a.putting('l', 4), a.deleting('l')]),
    open.batch([]),
    b.put('m', 5, { sync: false }),
  ])
  await open.close()
  await open.close()
  await using records = await openDeviceRecords({ directory })
  t.equal(await records.space('a').get('k'), 3)
  t.equal(await records.space('b').get('k'), 2)
  t.equal(await records.space('a').get('l'), undefined)
  t.equal(await records.space('b').get('m'), 5)
})

t.test(
  'values are checked by the space that reads them; what cannot be kept is refused',
  async (t) => {
    await using records = await openDeviceRecords({ directory: await newFolder() })
    await records.space('s').put('k', { n: 'x' })
    const strict = records.space<Item>('s', (value) => {
      if (typeof (value as Item).n !== 'number') throw new TypeError('not an item')
      return value as Item
    })
    await t.rejects(strict.get('k'), { message: 'not an item' })
    await t.rejects(collect(strict.iterate()), { message: 'not an item' })
    t.throws(() => strict.putting('k', undefined as unknown as Item), TypeError)
    t.throws(() => strict.putting('\ud800', { n: 1 }), { code: 'LW_STORE_LIMIT' })
    t.throws(() => strict.putting('k'.repeat(1025), { n: 1 }), { code: 'LW_STORE_LIMIT' })
    for (const name of ['', 'A', '!', 'a!b', '1']) t.throws(() => records.space(name), TypeError)
  },
)

t.test('R47: a second owner is refused, in this process and in another', async (t) => {
  const directory = await newFolder()
  const child = await startChild('device-records', directory)
  await child.nextLine()
  t.equal(await codeOf(openDeviceRecords({ directory })), 'LW_STORE_LOCKED')
  await child.kill()
  await using records = await openDeviceRecords({ directory })
  t.ok(records)
  t.equal(await codeOf(openDeviceRecords({ directory })), 'LW_STORE_LOCKED')
})

t.test('kill -9 at any moment: what was said to be kept is there, batches are whole', async (t) => {
  for (const lines of [1, 40, 150]) {
    const directory = await newFolder()
    const child = await startChild('device-records', directory)
    for (let line = 0; line < lines; line++) await child.nextLine()
    const last = Number(await child.kill())
    await using records = await openDeviceRecords({ directory })
    const steps = records.space<{ readonly step: number }>('steps')
    const newest = (await steps.get('newest'))?.step ?? -1
    t.ok(newest >= last)
    const all = await collect(steps.iterate({ prefix: 'step-' }))
    t.equal(all.length, newest + 1, 'every batch up to the newest')
  }
})

/** Records with several LevelDB files: a table and a log. */
async function makeRecords(directory: string): Promise<void> {
  for (const round of [0, 1]) {
    await using records = await openDeviceRecords({ directory })
    const items = records.space<Item>('items')
    for (let n = 0; n < 10; n++) {
      const changes = [0, 1, 2].map((at) => items.putting(`${round}-${n}-${at}`, { n }))
      await records.batch(changes, { sync: n % 2 === 0 })
    }
  }
}

async function contentOf(records: DeviceRecords): Promise<string> {
  return JSON.stringify(await collect(records.space('items').iterate()))
}

/** Opens what is there after damage: the same content, or a loud refusal. */
async function outcomeOf(
  directory: string,
  expected: string,
): Promise<'same' | 'refused' | 'wrong'> {
  try {
    await using records = await openDeviceRecords({ directory })
    return (await contentOf(records)) === expected ? 'same' : 'wrong'
  } catch (error) {
    if (isLongwaveError(error, 'LW_STORE_RECORDS_DAMAGED')) return 'refused'
    throw error
  }
}

t.test(
  'R45: each file of the database deleted, cut or flipped: refused or right, never wrong',
  async (t) => {
    const original = await newFolder()
    await makeRecords(original)
    const expected = await (async () => {
      await using records = await openDeviceRecords({ directory: original })
      return await contentOf(records)
    })()
    const files = [
      'sequence',
      ...(await fs.readdir(path.join(original, 'level'))).map((name) => `level/${name}`),
    ]
    const counts = { same: 0, refused: 0, wrong: 0 }
    const wrong: string[] = []
    for (const file of files) {
      const { size } = await fs.stat(path.join(original, file))
      const step = Math.max(1, Math.floor(size / 6))
      const damages: (readonly [string, (to: string) => Promise<unknown>])[] = [
        ['delete', (to) => fs.rm(to)],
        ['empty', (to) => fs.truncate(to, 0)],
      ]
      for (let at = 0; at < size; at += step) {
        damages.push([`cut at ${at}`, (to) => fs.truncate(to, at)])
        damages.push([`flip at ${at}`, (to) => flip(to, at)])
      }
      for (const [what, damage] of damages) {
        const directory = await newFolder()
        await fs.cp(original, directory, { recursive: true })
        await damage(path.join(directory, file))
        const outcome = await outcomeOf(directory, expected)
        counts[outcome]++
        if (outcome === 'wrong') wrong.push(`${file} ${what}`)
        await fs.rm(directory, { recursive: true })
      }
    }
    t.comment(JSON.stringify(counts))
    t.same(wrong, [])
    t.ok(counts.refused > 20)
  },
)

async function flip(file: string, at: number): Promise<void> {
  const bytes = await fs.readFile(file)
  bytes[at] = (bytes[at] ?? 0) ^ 0x10
  await fs.writeFile(file, bytes)
}

t.test('an older copy of the database is refused: nothing is done twice', async (t) => {
  const directory = await newFolder()
  await makeRecords(directory)
  const old = await newFolder()
  await fs.cp(path.join(directory, 'level'), path.join(old, 'level'), { recursive: true })
  await makeRecords(directory)
  await fs.rm(path.join(directory, 'level'), { recursive: true })
  await fs.cp(path.join(old, 'level'), path.join(directory, 'level'), { recursive: true })
  t.equal(await codeOf(openDeviceRecords({ directory })), 'LW_STORE_RECORDS_DAMAGED')
})

t.test('R45: damaged records are set aside and new ones opened in their place', async (t) => {
  const directory = await newFolder()
  for (const number of [1, 2]) {
    await makeRecords(directory)
    await fs.rm(path.join(directory, 'level', 'CURRENT'))
    t.equal(await codeOf(openDeviceRecords({ directory })), 'LW_STORE_RECORDS_DAMAGED')
    t.equal(await setDeviceRecordsAside({ directory }), path.join(directory, `damaged-${number}`))
    await using records = await openDeviceRecords({ directory })
    t.same(await collect(records.space('items').iterate()), [])
  }
})

t.test(
  'R1 R2 R3 R4: opening and setting aside can be done again wherever they failed',
  async (t) => {
    const result = await sweepFaults<string>({
      prepare: newFolder,
      act: async (fileSystem, directory) => {
        const first = await openDeviceRecords({ directory, fileSystem })
        try {
          await first.space<number>('s').put('k', 1)
        } finally {
          await first.close()
        }
        await setDeviceRecordsAside({ directory, fileSystem })
        await using second = await openDeviceRecords({ directory, fileSystem })
        await second.space<number>('s').put('k', 2)
      },
      check: async (directory) => {
        const fileSystem = nodeFileSystem
        let records: DeviceRecords
        try {
          records = await openDeviceRecords({ directory, fileSystem })
        } catch (error) {
          if (!isLongwaveError(error, 'LW_STORE_RECORDS_DAMAGED')) throw error
          await setDeviceRecordsAside({ directory, fileSystem })
          records = await openDeviceRecords({ directory, fileSystem })
        }
        await using open = records
        const value = await open.space<number>('s').get('k')
        return value === undefined || value === 1 ? 'old' : value === 2 ? 'new' : 'mixed'
      },
      cleanUp: (directory) => fs.rm(directory, { recursive: true, force: true }),
    })
    t.comment(`${result.points} points, ${result.mixed} mixed`)
    t.same(result.mixedPoints, [])
  },
)
