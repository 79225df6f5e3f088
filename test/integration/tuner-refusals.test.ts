import { lstat, mkdir, readFile, realpath, rm, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { parseChannelAddress } from '../../protocol/index.ts'
import { createTransport } from '../../transport/index.ts'
import { absent, startHostileTransmitter } from '../support/hostile-transmitter.ts'
import { openTunerStage, type TunerStage } from '../support/tuner-stage.ts'

t.setTimeout(120_000)

function stateFile(stage: TunerStage, ...rest: readonly string[]): string {
  return path.join(stage.home, 'tuner', 'channels', 'site', ...rest)
}

/** What may lie where a file of the tuner's state was. */
const oddities: Readonly<Record<string, (file: string) => Promise<unknown>>> = {
  'a folder': (file) => mkdir(file),
  'a folder with files': async (file) => {
    await mkdir(file)
    await writeFile(path.join(file, 'x'), 'x')
  },
  'a file of 20 GB': async (file) => {
    await writeFile(file, '')
    await truncate(file, 20e9)
  },
}

t.test('R45: odd things in place of a channel’s state hide no other channel', async (t) => {
  const stage = await openTunerStage(t)
  const address = await stage.publish({ 'a.txt': 'one' })
  const first = await stage.tuner()
  await first.subscribe({ address })
  await first.subscribe({ address, as: 'other' })
  await first.stop()
  for (const [what, make] of Object.entries(oddities)) {
    // What was mended lies in a folder of its own.
    const release = path.join(await realpath(stateFile(stage, 'current')), '..', 'release.json')
    await rm(release, { recursive: true })
    await make(release)
    const tuner = await stage.tuner()
    const views = await Promise.all((await tuner.select()).map((one) => tuner.describe(one)))
    t.same(
      views.map((view) => [view.subscription.name, view.attributes.kind]),
      [
        ['other', 'files'],
        ['site', undefined],
      ],
      what,
    )
    const [site] = await tuner.select('site')
    if (site === undefined) throw new Error('it is subscribed')
    await t.rejects(tuner.verify(site), { code: 'LW_TUNER_STATE_DAMAGED' }, what)
    t.match(await tuner.update([site]), [{ ok: true }], `${what}: an update mends it`)
    t.equal(await stage.read('a.txt'), 'one')
    await tuner.stop()
  }
})

t.test('R45: an odd subscription record is damage of that channel alone', async (t) => {
  const stage = await openTunerStage(t)
  const address = await stage.publish({ 'a.txt': 'one' })
  const first = await stage.tuner()
  await first.subscribe({ address })
  await first.subscribe({ address, as: 'other' })
  await first.stop()
  const record = stateFile(stage, 'subscription.json')
  for (const [what, make] of Object.entries(oddities)) {
    await rm(record, { recursive: true })
    await make(record)
    const tuner = await stage.tuner()
    const others = await tuner.select('other')
    t.same(
      others.map((one) => one.name),
      ['other'],
      what,
    )
    await t.rejects(tuner.select('site'), { code: 'LW_TUNER_STATE_DAMAGED' }, what)
    await tuner.stop()
  }
})

t.test('R45: whatever lies in place of the tuner’s id is replaced', async (t) => {
  const stage = await openTunerStage(t)
  const file = path.join(stage.home, 'tuner', 'tuner-id')
  for (const [what, make] of Object.entries(oddities)) {
    await rm(file, { recursive: true, force: true })
    await mkdir(path.dirname(file), { recursive: true })
    await make(file)
    const tuner = await stage.tuner()
    await tuner.stop()
    t.match(await readFile(file, 'utf8'), /^[0-9a-f]{32}\n$/, what)
  }
})

t.test(
  'S44: a path without room below the home is refused before anything is fetched',
  async (t) => {
    const stage = await openTunerStage(t)
    const long = Array.from({ length: 16 }, () => 'd'.repeat(240)).join('/')
    const address = await stage.publish({ [`${long}/file.txt`]: 'deep' })
    const deep = path.join(stage.home, 'h'.repeat(200))
    const tuner = await stage.tuner({ home: deep })
    await t.rejects(tuner.subscribe({ address }), {
      code: 'LW_TUNER_PATH_TOO_LONG',
      exit: 1,
      detail: /"ddd.*room for \d+/,
    })
    await t.rejects(lstat(path.join(deep, 'tuner/channels/site/current')), { code: 'ENOENT' })
  },
)

t.test('R23: a large object that is gone is temporary, and no missing channel', async (t) => {
  const stage = await openTunerStage(t)
  const content = 'some lines, some more\n'.repeat(400_000)
  const address = await stage.publish({ 'small.txt': 'one', 'large.txt': content })
  const hostile = await startHostileTransmitter(stage.channel, { hasBundles: false })
  t.teardown(() => hostile.stop())
  const transport = createTransport({ userAgent: 'longwave-test', retry: { attemptsMax: 1 } })
  t.teardown(() => transport.stop())
  const tuner = await stage.tuner({ transport })
  const manifest = (honest: { readonly body?: unknown }): boolean =>
    String(honest.body).includes('longwave-manifest-1')
  hostile.distort(['object'], (honest) => (manifest(honest) ? undefined : absent))
  const link = `${hostile.channel}#${address.channelId}`
  await t.rejects(tuner.subscribe({ address: parseChannelAddress(link) }), {
    code: 'LW_MIRROR_OBJECT_GONE',
    exit: 75,
  })
})

t.test(
  'S22: going back needs the publisher’s signature or the person at the machine',
  async (t) => {
    const stage = await openTunerStage(t)
    const address = await stage.publish({ 'a.txt': 'one' })
    const hostile = await startHostileTransmitter(stage.channel, { hasBundles: false })
    t.teardown(() => hostile.stop())
    const transport = createTransport({ userAgent: 'longwave-test', retry: { attemptsMax: 1 } })
    t.teardown(() => transport.stop())
    const tuner = await stage.tuner({ transport })
    const link = `${hostile.channel}#${address.channelId}`
    await tuner.subscribe({ address: parseChannelAddress(link) })
    const old = new Map(hostile.seen)
    await stage.publish({ 'a.txt': 'two' })
    const update = async () => {
      const [outcome] = await tuner.update(await tuner.select('site'))
      return outcome
    }
    t.match(await update(), { ok: true, result: { to: 2 } })
    hostile.replay(old)
    const replayed = await update()
    t.match(replayed, { ok: false, error: { exit: 13 } }, 'an older release, validly signed')
    t.equal(await stage.read('a.txt'), 'two')
    const [site] = await tuner.select('site')
    if (site === undefined) throw new Error('it is subscribed')
    t.match(await tuner.undo(site), { from: 2, to: 1 }, 'the person may, without any network')
    t.equal(await stage.read('a.txt'), 'one')
    const afterUndo = await update()
    t.match(afterUndo, { ok: false, error: { exit: 13 } }, 'which weakens nothing')
    hostile.replay(undefined)
    t.match(await update(), { ok: true, result: { to: 2 } })
    await stage.publish({ 'a.txt': 'one' })
    t.match(await update(), { ok: true, result: { to: 3 } }, 'a signed release with old contents')
    t.equal(await stage.read('a.txt'), 'one')
  },
)
