import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { digestOf, isLongwaveError } from '../../protocol/index.ts'
import { formatContentIdentifier } from '../../protocol/drp/index.ts'
import { createTransport, type Transport } from '../../transport/index.ts'
import { parseIndexAddress, Tuner, type UpdateResult } from '../../tuner/index.ts'
import { hasNginx, startStaticNginx } from '../support/static-nginx.ts'
import { openTunerStage } from '../support/tuner-stage.ts'

const isCi = process.env['LONGWAVE_CI'] === '1'
const skip = hasNginx() || isCi ? false : 'nginx is not installed'

type Test = { teardown(work: () => unknown): void }

/** Writes files and the index that lists them, as anybody could by hand. */
async function writeSite(
  folder: string,
  files: Readonly<Record<string, string>>,
  attributesOf = (text: string) => `id="${idOf(text)}" size="${Buffer.byteLength(text)}"`,
): Promise<void> {
  const rows: string[] = []
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name)
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, text)
    rows.push(`<file path="${name.replaceAll('&', '&amp;')}" ${attributesOf(text)}/>`)
  }
  await writeFile(path.join(folder, 'index.xml'), `<index>\n${rows.join('\n')}\n</index>\n`)
}

function idOf(text: string): string {
  return formatContentIdentifier({ algorithm: 'sha256', hex: digestOf(text) })
}

async function openStage(t: Test) {
  const root = await mkdtemp(path.join(os.tmpdir(), 'lw-index-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const folder = path.join(root, 'www', 'Some Tools')
  await mkdir(folder, { recursive: true })
  const nginx = await startStaticNginx({
    folder: path.join(root, 'www'),
    prefix: path.join(root, 'nginx'),
  })
  t.teardown(() => nginx.stop())
  const asked: string[] = []
  const real = createTransport({ userAgent: 'longwave-test' })
  t.teardown(() => real.stop())
  const transport: Transport = {
    ...real,
    fetchBytes: (url, options) => {
      asked.push(String(url))
      return real.fetchBytes(url, options)
    },
  }
  const tuner = new Tuner({ home: path.join(root, 'home'), transport })
  await tuner.start()
  t.teardown(() => tuner.stop())
  const address = parseIndexAddress(`${nginx.url}/Some%20Tools/index.xml`)
  const read = (file: string) =>
    readFile(path.join(root, 'home/tuner/channels/some-20tools/current', file), 'utf8')
  return { root, folder, tuner, address, asked, read }
}

async function updated(tuner: Tuner): Promise<UpdateResult> {
  const [outcome] = await tuner.update(await tuner.select())
  if (outcome?.ok !== true) throw outcome?.error ?? new Error('no outcome')
  return outcome.result
}

t.test(
  'C19: a bare index on nginx is followed, updated, undone and mended',
  { skip },
  async (t) => {
    const { root, folder, tuner, address, asked, read } = await openStage(t)
    await writeSite(folder, { 'a.txt': 'one', 'deep er/ü & b.txt': 'two', 'same.txt': 'same' })
    const first = await tuner.subscribe({ address, unsigned: true })
    t.equal(first.to, 1)
    t.equal(await read('a.txt'), 'one')
    t.equal(await read('deep er/ü & b.txt'), 'two')
    const [subscription] = await tuner.select('some-20tools')
    if (subscription === undefined) throw new Error('subscribed')
    t.equal(subscription.firstUse, 'unsigned')
    t.equal((await updated(tuner)).outcome, 'unchanged')

    await writeSite(folder, { 'a.txt': 'one, changed', 'new.txt': 'new', 'same.txt': 'same' })
    asked.length = 0
    const second = await updated(tuner)
    t.equal(second.to, 2)
    t.match(second.changes, { added: 1, changed: 1, removed: 1, unchanged: 1 })
    t.notOk(
      asked.some((url) => url.includes('same.txt')),
      'what lies here is not fetched',
    )
    t.notOk(asked.some((url) => url.includes('/deltas/') || url.includes('/objects/')))
    t.equal(await read('a.txt'), 'one, changed')
    await t.rejects(read('deep er/ü & b.txt'))
    t.equal((await tuner.describe(subscription)).head, 2)

    t.equal((await tuner.undo(subscription)).to, 1)
    t.equal(await read('a.txt'), 'one')
    const held = await tuner.update([(await tuner.select())[0] ?? subscription], {
      scheduled: true,
    })
    t.match(held, [{ ok: true, result: { outcome: 'held', to: 1 } }])
    t.equal((await updated(tuner)).to, 2, 'the same content is the same release')

    const file = path.join(root, 'home/tuner/channels/some-20tools/current/same.txt')
    await rm(file)
    const mended = await tuner.verify((await tuner.select())[0] ?? subscription, { heal: true })
    t.equal(mended.healed, true)
    t.equal(await read('same.txt'), 'same')
    await t.rejects(tuner.setGrant(subscription, true), { code: 'LW_TUNER_UNSIGNED' })
  },
)

t.test('C105: a folder follows a bare index, too', { skip }, async (t) => {
  const { root, folder, tuner, address } = await openStage(t)
  await writeSite(folder, { 'a.txt': 'one' }, (text) => `id="${idOf(text)}"`)
  const into = path.join(root, 'into')
  await tuner.subscribe({
    address,
    unsigned: true,
    into: { directory: into, adopt: false, protect: [] },
  })
  t.equal(await readFile(path.join(into, 'a.txt'), 'utf8'), 'one', 'its size was asked for')
  await writeFile(path.join(into, 'a.txt'), 'edited')
  await writeSite(folder, { 'a.txt': 'three', 'b.txt': 'b' })
  t.equal((await updated(tuner)).to, 2)
  t.equal(await readFile(path.join(into, 'a.txt'), 'utf8'), 'three')
  const [subscription] = await tuner.select()
  if (subscription === undefined) throw new Error('subscribed')
  await tuner.undo(subscription)
  t.equal(await readFile(path.join(into, 'a.txt'), 'utf8'), 'edited')
})

t.test(
  'S18 S44: an index that vouches for nothing is refused, nothing changes',
  { skip },
  async (t) => {
    const { folder, tuner, address, read } = await openStage(t)
    await writeSite(folder, { 'a.txt': 'one' })
    await tuner.subscribe({ address, unsigned: true })
    const cases: readonly (readonly [string, string])[] = [
      [
        'LW_TUNER_INDEX',
        '<index><file path="a.txt" id="urn:md5:PRPCt5PQpJX6xGxL4nu2PQ==" size="3"/></index>',
      ],
      ['LW_TUNER_INDEX', '<index><file path="a.txt" size="3"/></index>'],
      ['LW_DRP_INDEX', `<index><file path="../a-b.txt" id="${idOf('x')}" size="1"/></index>`],
      [
        'LW_DRP_INDEX',
        `<index base="http://other.invalid/"><file path="a" id="${idOf('x')}"/></index>`,
      ],
      ['LW_DRP_INDEX', '<index><file path="a.txt"'],
      ['LW_MIRROR_OBJECT', `<index><file path="a.txt" id="${idOf('other')}" size="3"/></index>`],
      ['LW_TRANSFER_NOT_FOUND', `<index><file path="gone" id="${idOf('gone')}"/></index>`],
    ]
    for (const [code, text] of cases) {
      await writeFile(path.join(folder, 'index.xml'), text)
      const [outcome] = await tuner.update(await tuner.select())
      const error = outcome?.ok === false ? outcome.error : undefined
      t.ok(isLongwaveError(error) && error.code === code, `${code}: ${String(error)}`)
      t.equal(await read('a.txt'), 'one', 'what lies here stays')
    }
    await rm(path.join(folder, 'index.xml'))
    const [gone] = await tuner.update(await tuner.select())
    t.match(gone, { ok: false, error: { code: 'LW_TUNER_INDEX' } })
    await writeSite(folder, { 'a.txt': 'again' })
    await updated(tuner)
    t.equal(await read('a.txt'), 'again')
  },
)

t.test("§1.7: a transmitter's own index is followed with differences", async (t) => {
  const stage = await openTunerStage(t)
  let state = 7
  let big = ''
  while (big.length < 300_000) {
    state = (state * 48271) % 2147483647
    big += state.toString(36)
  }
  await stage.publish({ 'big.bin': big, 's.txt': 's' })
  const tuner = await stage.tuner()
  await tuner.subscribe({ address: parseIndexAddress(`${stage.channel}/index`), unsigned: true })
  const changed = `${big.slice(0, 1000)}changed${big.slice(1000)}`
  await stage.publish({ 'big.bin': changed, 's.txt': 's' })
  const result = await updated(tuner)
  t.ok(result.bytes.objects < 3000, `${result.bytes.objects} bytes for a file of 300,000`)
  const file = path.join(stage.home, 'tuner/channels/site/current/big.bin')
  t.equal(await readFile(file, 'utf8'), changed)
  t.equal((await stat(file)).size, changed.length)
})

t.test('§11: the name of a bare index is that of its folder or file', async (t) => {
  const names = [
    'http://h/a/App/index.xml',
    'https://h/tools.xml',
    'http://h.test/',
    'http://h/x/?q=1',
  ]
  t.strictSame(
    names.map((url) => parseIndexAddress(url).name),
    ['app', 'tools', 'h.test', 'x'],
  )
  for (const url of ['ftp://h/x.xml', 'http://u:p@h/x.xml', 'x.xml', '']) {
    t.throws(() => parseIndexAddress(url), { code: 'LW_FORMAT_CHANNEL_URL' })
  }
})
