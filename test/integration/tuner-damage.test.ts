import {
  chmod,
  mkdir,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { isLongwaveError } from '../../protocol/index.ts'
import { type FileSystem, nodeFileSystem } from '../../store/durable-files/index.ts'
import { Tuner } from '../../tuner/index.ts'
import { openTunerStage, type TunerStage } from '../support/tuner-stage.ts'

const files = { 'index.html': 'one', 'docs/a.txt': 'a', 'docs/b.txt': 'b' }

function channelFolder(stage: TunerStage, ...rest: readonly string[]): string {
  return path.join(stage.home, 'tuner', 'channels', 'site', ...rest)
}

async function only(tuner: Tuner) {
  const [subscription] = await tuner.select('site')
  if (subscription === undefined) throw new Error('it is subscribed')
  return subscription
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'none'
  } catch (error) {
    return isLongwaveError(error) ? `${error.code} ${error.exit}` : String(error)
  }
}

async function updateOne(tuner: Tuner) {
  const [outcome] = await tuner.update(await tuner.select())
  if (outcome?.ok !== true) throw outcome?.error
  return outcome.result
}

/** Writes over a read-only file in place, as a failing disk or a careless program does. */
async function overwrite(file: string, text: string): Promise<void> {
  await chmod(file, 0o644)
  await writeFile(file, text)
}

t.test('C83 C84: damaged files are found, named and mended, alone', async (t) => {
  const stage = await openTunerStage(t)
  const tuner = await stage.tuner()
  await tuner.subscribe({ address: await stage.publish(files) })
  await overwrite(channelFolder(stage, 'current', 'docs/a.txt'), 'b')
  await unlink(channelFolder(stage, 'current', 'index.html'))
  await writeFile(channelFolder(stage, 'current', 'extra.txt'), 'extra')
  const found = await tuner.verify(await only(tuner))
  t.strictSame(
    found.damages.map((one) => `${one.what} ${one.path}`),
    ['altered docs/a.txt', 'extra extra.txt', 'missing index.html'],
  )
  const healed = await tuner.verify(await only(tuner), { heal: true })
  t.equal(healed.healed, true)
  t.equal((await tuner.verify(await only(tuner))).damages.length, 0)
  t.equal(await stage.read('index.html'), 'one')
})

t.test('what is mended is looked at again before anybody is told so', async (t) => {
  const stage = await openTunerStage(t)
  let isFailing = false
  // A disk that takes a write and does not keep it.
  const fileSystem: FileSystem = {
    ...nodeFileSystem,
    async copyFile(from, to, options) {
      await nodeFileSystem.copyFile(from, to, options)
      if (isFailing && to.includes('heal-')) await overwrite(to, 'lost')
    },
  }
  const tuner = await stage.tuner({ fileSystem })
  await tuner.subscribe({ address: await stage.publish(files) })
  await overwrite(channelFolder(stage, 'current', 'docs/a.txt'), 'b')
  isFailing = true
  t.equal(await codeOf(tuner.verify(await only(tuner), { heal: true })), 'LW_TUNER_DAMAGED 13')
  isFailing = false
  t.match(await tuner.verify(await only(tuner), { heal: true }), { healed: true })
})

t.test('S23: a folder that became a link is damage, not a way out', async (t) => {
  const stage = await openTunerStage(t)
  const tuner = await stage.tuner()
  await tuner.subscribe({ address: await stage.publish(files) })
  const docs = channelFolder(stage, 'current', 'docs')
  await rm(docs, { recursive: true })
  await symlink(stage.root, docs)
  const found = await tuner.verify(await only(tuner))
  t.strictSame(
    found.damages.map((one) => `${one.what} ${one.path}`),
    ['altered docs', 'missing docs/a.txt', 'missing docs/b.txt'],
  )
  await tuner.verify(await only(tuner), { heal: true })
  t.equal((await tuner.verify(await only(tuner))).damages.length, 0)
})

t.test('a shared inode that is damaged is mended in every generation', async (t) => {
  const stage = await openTunerStage(t)
  const tuner = await stage.tuner()
  await tuner.subscribe({ address: await stage.publish(files) })
  await stage.publish({ ...files, 'index.html': 'two' })
  await updateOne(tuner)
  await overwrite(channelFolder(stage, 'generations/2/tree/docs/a.txt'), 'damaged')
  await tuner.verify(await only(tuner), { heal: true })
  const first = await readFile(channelFolder(stage, 'generations/1/tree/docs/a.txt'), 'utf8')
  t.equal(first, 'a')
  t.equal((await tuner.undo(await only(tuner))).to, 1, 'and undo finds it sound')
})

t.test('trust that is damaged or gone is refused, never begun anew', async (t) => {
  const stage = await openTunerStage(t)
  const tuner = await stage.tuner()
  await tuner.subscribe({ address: await stage.publish(files) })
  const file = channelFolder(stage, 'trust.json')
  const sound = await readFile(file)
  await writeFile(file, sound.subarray(0, sound.length / 2))
  t.equal(await codeOf(updateOne(tuner)), 'LW_TRUST_STATE_DAMAGED 13')
  t.equal((await tuner.describe(await only(tuner))).release, 1, 'it still tells how things stand')
  await unlink(file)
  t.equal(await codeOf(updateOne(tuner)), 'LW_TRUST_STATE_DAMAGED 13')
  t.equal(await stage.read('index.html'), 'one')
  await writeFile(file, sound)
  t.equal((await updateOne(tuner)).outcome, 'unchanged')
})

t.test('a generation without its records, or gone, is fetched again', async (t) => {
  const stage = await openTunerStage(t)
  const tuner = await stage.tuner()
  await tuner.subscribe({ address: await stage.publish(files) })
  await overwrite(channelFolder(stage, 'generations/1/release.json'), '{"format":"other"}')
  t.equal(await codeOf(tuner.verify(await only(tuner))), 'LW_TUNER_STATE_DAMAGED 13')
  await updateOne(tuner)
  t.equal((await tuner.verify(await only(tuner))).damages.length, 0)
  t.equal(await stage.read('index.html'), 'one')

  await rm(channelFolder(stage, 'generations'), { recursive: true })
  t.equal(await codeOf(tuner.verify(await only(tuner))), 'LW_TUNER_STATE_DAMAGED 13')
  await updateOne(tuner)
  t.equal(await stage.read('docs/b.txt'), 'b')

  await unlink(channelFolder(stage, 'current'))
  await symlink('/nowhere/at/all', channelFolder(stage, 'current'))
  t.equal(await codeOf(tuner.verify(await only(tuner))), 'LW_TUNER_STATE_DAMAGED 13')
  await updateOne(tuner)
  t.equal(await stage.read('index.html'), 'one')
  t.strictSame(await readdir(channelFolder(stage, 'staging')), [], 'nothing is left behind')
})

t.test('R45: records that are damaged are rebuilt from what lies on the disk', async (t) => {
  const stage = await openTunerStage(t)
  const address = await stage.publish(files)
  const first = await stage.tuner()
  await first.subscribe({ address, schedule: 'every 4 hours' })
  await first.stop()
  const level = path.join(stage.home, 'tuner/records/level')
  for (const damage of [
    async (file: string) => unlink(file),
    async (file: string) => writeFile(file, ''),
    async (file: string) => {
      const bytes = await readFile(file)
      if (bytes.length > 0) bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0x10
      await writeFile(file, bytes)
    },
  ]) {
    for (const name of await readdir(level)) {
      if (name === 'LOCK' || name.startsWith('LOG')) continue
      await damage(path.join(level, name)).catch(() => undefined)
      const tuner = new Tuner({ home: stage.home, transport: stage.transport })
      await tuner.start()
      const view = await tuner.describe(await only(tuner))
      t.equal(view.release, 1, `${name}: the release is known`)
      t.equal(view.schedule.text, 'every 4 hours')
      t.equal((await updateOne(tuner)).outcome, 'unchanged')
      await tuner.stop()
    }
  }
})

t.test('a subscription that cannot be read hides no other', async (t) => {
  const stage = await openTunerStage(t)
  const address = await stage.publish(files)
  const first = await stage.tuner()
  await first.subscribe({ address })
  await first.subscribe({ address, as: 'second' })
  await first.stop()
  await writeFile(channelFolder(stage, 'subscription.json'), '{"format":')
  const tuner = await stage.tuner()
  t.equal((await tuner.select('second')).length, 1)
  t.equal(await codeOf(tuner.select('site')), 'LW_TUNER_STATE_DAMAGED 13')
  const [other, ...none] = await tuner.select()
  t.strictSame([other?.name, none], ['second', []], 'the others can be worked for')
  const [damaged] = await tuner.damaged()
  t.equal(damaged?.id, 'site')
  t.match(damaged?.error, { message: /subscription\.json was altered/ }, 'and is told itself')
  t.match(damaged?.error, { next: /^longwave unsubscribe site / })
})

t.test('a subscription that cannot be read can be removed, and nothing else goes', async (t) => {
  const stage = await openTunerStage(t)
  const address = await stage.publish(files)
  const first = await stage.tuner()
  await first.subscribe({ address })
  const into = path.join(stage.root, 'into')
  await first.subscribe({ address, into: { directory: into, adopt: false, protect: [] } })
  await first.stop()
  const folders = path.join(stage.home, 'tuner/folders')
  const [hash = ''] = await readdir(folders)
  for (const folder of [channelFolder(stage), path.join(folders, hash)]) {
    await writeFile(path.join(folder, 'subscription.json'), '')
  }
  const tuner = await stage.tuner()
  t.equal((await tuner.damaged()).length, 2)
  t.equal(await tuner.removeDamaged('other', { keepData: false }), undefined)
  t.equal(await tuner.removeDamaged('site', { keepData: false }), 'site')
  t.equal(await tuner.removeDamaged(into, { keepData: false }), `folder:${hash}`, 'by its folder')
  t.strictSame(await tuner.damaged(), [])
  t.equal(await readFile(path.join(into, 'index.html'), 'utf8'), 'one', 'its files stay')
  t.equal((await tuner.subscribe({ address })).to, 1)
})

t.test('what cannot be read of the current release is shown, and mended by each way', async (t) => {
  const stage = await openTunerStage(t)
  const tuner = await stage.tuner()
  const address = await stage.publish(files, { attributes: { kind: 'html', main: 'index.html' } })
  await tuner.subscribe({ address })
  const site = await only(tuner)
  const scheduled = { scheduled: true, mend: true }
  const ways = {
    update: async () => tuner.update([site]),
    'update of all': async () => tuner.update([site], scheduled),
    'verify --heal': async () => {
      t.match(await tuner.verify(site, { heal: true }), { healed: true, isRefetched: true })
    },
    subscribe: async () => tuner.subscribe({ address }),
    launch: async () => tuner.prepareLaunch(site),
  }
  for (const [way, mend] of Object.entries(ways)) {
    for (const name of ['release.json', 'manifest.json', 'times.bin']) {
      const tree = await realpath(channelFolder(stage, 'current'))
      const file = path.join(path.dirname(tree), name)
      const sound = await readFile(file)
      await chmod(file, 0o644)
      await writeFile(file, name === 'times.bin' ? '' : sound.subarray(0, 40))
      if (name === 'times.bin') await rm(file)
      t.match(await tuner.describe(site), { release: 1, damage: { next: /longwave update/ } }, name)
      t.match(await tuner.why(site), /at release 1: its state here is damaged: /)
      await mend()
      t.equal((await tuner.describe(site)).damage, undefined, `${name}, ${way}`)
      t.equal((await tuner.verify(site)).damages.length, 0)
    }
  }
  t.equal(await stage.read('index.html'), 'one')
})

t.test(
  'an update of all without news mends what stat sees; a poll of a tuner does not look',
  async (t) => {
    const stage = await openTunerStage(t)
    const tuner = await stage.tuner()
    await tuner.subscribe({ address: await stage.publish(files) })
    const site = await only(tuner)
    const outcomeOf = async (options: { readonly mend?: boolean }) => {
      const [outcome] = await tuner.update([site], { scheduled: true, ...options })
      return outcome?.ok === true ? outcome.result.outcome : outcome?.error
    }
    t.equal(await outcomeOf({ mend: true }), 'unchanged')
    await unlink(channelFolder(stage, 'current', 'index.html'))
    await overwrite(channelFolder(stage, 'current', 'docs/a.txt'), 'longer')
    t.equal(await outcomeOf({}), 'unchanged')
    t.equal(await outcomeOf({ mend: true }), 'healed')
    t.equal(await stage.read('index.html'), 'one')
    t.equal(await stage.read('docs/a.txt'), 'a')
  },
)

t.test('R47: a second tuner in a home is refused; a dead one is succeeded', async (t) => {
  const stage = await openTunerStage(t)
  const first = await stage.tuner()
  const second = new Tuner({ home: stage.home, transport: stage.transport })
  t.equal(await codeOf(second.start()), 'LW_STORE_LOCKED 11')
  await first.stop()
  await second.start()
  await second.stop()
})

t.test(
  'R47: at its start a tuner removes what the dead left, and not what is being made',
  async (t) => {
    const stage = await openTunerStage(t)
    const first = await stage.tuner()
    const address = await stage.publish(files)
    await first.subscribe({ address })
    await first.stop()
    const home = path.join(stage.home, 'tuner')
    const temporary = (digit: string): string => `.lw-${digit.repeat(32)}.tmp`
    await writeFile(path.join(home, temporary('a')), 'a claim that somebody is writing')
    await writeFile(path.join(home, temporary('b')), 'left long ago')
    await utimes(path.join(home, temporary('b')), 1, 1)
    const half = path.join(home, 'channels', temporary('c'))
    await mkdir(half)
    await writeFile(path.join(half, 'subscription.json'), 'half removed')
    const second = await stage.tuner()
    t.strictSame(
      (await readdir(home)).filter((name) => name.startsWith('.lw-')),
      [temporary('a')],
      'only the fresh one stays',
    )
    t.strictSame(await readdir(path.join(home, 'channels')), ['site'])
    await second.unsubscribe(await only(second), { keepData: false })
    t.strictSame(await readdir(path.join(home, 'channels')), [], 'nothing of it is left')
  },
)

t.test('C5: a first fetch that breaks subscribes nothing and keeps what it had', async (t) => {
  const stage = await openTunerStage(t)
  const address = await stage.publish({ 'a.txt': 'a', 'b.txt': 'b' })
  let objects = 0
  const broken = new Set<string>()
  const tuner = await stage.tuner({
    transport: {
      ...stage.transport,
      fetchBytes: async (url, options) => {
        const isObject = /\/objects\/[0-9a-f]{64}$/.test(String(url))
        if (String(url).includes('/deltas/')) {
          return { status: 404, headers: {}, bytes: Buffer.alloc(0) }
        }
        if (isObject && broken.size < 1 && objects === 2) {
          broken.add(String(url))
          return { status: 404, headers: {}, bytes: Buffer.alloc(0) }
        }
        if (isObject) objects++
        return stage.transport.fetchBytes(url, options)
      },
    },
  })
  t.equal(await codeOf(tuner.subscribe({ address })), 'LW_MIRROR_OBJECT_GONE 75')
  t.strictSame(await tuner.select(), [], 'nothing is subscribed')
  const before = objects
  t.equal((await tuner.subscribe({ address })).to, 1)
  t.ok(objects - before < 3, 'what was verified before was not fetched again')
})
