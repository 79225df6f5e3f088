import { randomBytes } from 'node:crypto'
import { appendFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { digestOf, parseManifest } from '../../protocol/index.ts'
import { createPublisher, type Publisher, type PublishProgress } from '../../publisher/index.ts'
import { createLogger } from '../../serving/index.ts'
import { createTransmitter } from '../../transmitter/index.ts'
import { createTransport, type Transport } from '../../transport/index.ts'
import { createTrustClient } from '../../trust/index.ts'
import { makeQuickFolder } from '../support/quick-folder.ts'

// The machines of a build may be busy with other suites.
t.setTimeout(180_000)

interface Stage {
  readonly root: string
  readonly home: string
  readonly base: string
  readonly url: string
  readonly transport: Transport
  readonly publisher: Publisher
}

type Test = { teardown(done: () => unknown): void }

async function stage(t: Test, files: Record<string, string | Buffer> = {}): Promise<Stage> {
  const root = makeQuickFolder('lw-publisher-')
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const home = path.join(root, 'home')
  const base = path.join(root, 'base')
  mkdirSync(base)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(base, name)), { recursive: true })
    writeFileSync(path.join(base, name), content)
  }
  const transmitter = createTransmitter({
    directory: path.join(home, 'transmitter'),
    listen: { host: '127.0.0.1', port: 0 },
    logger: createLogger({ name: 'test', level: 'silent' }),
  })
  const served = await transmitter.start()
  t.teardown(() => transmitter.stop())
  const transport = createTransport({ userAgent: 'longwave-test' })
  t.teardown(() => transport.stop())
  return {
    root,
    home,
    base,
    url: `${served}/site`,
    transport,
    publisher: createPublisher({ home, transport }),
  }
}

/** What a subscriber sees: the verified head and its manifest. */
async function readHead({ url, transport }: Stage, channelId: string | undefined) {
  const client = createTrustClient({
    state: undefined,
    channelId: channelId as never,
    firstUse: 'pinned',
    clock: Date,
  })
  const { head } = await client.refresh({
    async fetch(file, bytesMax) {
      const options = { bytesMax, acceptStatus: [404] }
      const answer = await transport.fetchBytes(`${url}/trust/${file}`, options)
      return answer.status === 404 ? undefined : answer.bytes
    },
  })
  const { bytes } = await transport.fetchBytes(`${url}/objects/${head.sha256}`, { bytesMax: 1e8 })
  return { head, manifest: parseManifest(bytes) }
}

t.test('progress has a total that stays, and comes to it at the end alone', async (t) => {
  const text = 'words that compress well, '.repeat(100_000)
  const s = await stage(t, { 'a.txt': text, 'b.bin': randomBytes(3_000_000), 'c.txt': 'small' })
  const told: { readonly doneBytes: number; readonly totalBytes: number }[] = []
  await s.publisher.publish({
    directory: s.base,
    channel: s.url,
    onProgress: (progress) => {
      if (progress.phase === 'upload') told.push(progress)
    },
  })
  const total = Buffer.byteLength(text) + 3_000_000 + 5
  t.strictSame([...new Set(told.map((one) => one.totalBytes))], [total])
  t.equal(told[0]?.doneBytes, 0)
  t.equal(told.at(-1)?.doneBytes, total)
  const steps = told.map((one) => one.doneBytes)
  t.strictSame(
    steps,
    [...steps].sort((a, b) => a - b),
    'it only grows',
  )
  t.ok(new Set(steps).size > 3, 'step by step')
})

t.test(
  'C20 C41 C45: the first publish makes keys, sends everything, and is followed',
  async (t) => {
    const s = await stage(t, { 'index.html': '<p>', 'a/b.txt': 'b', 'a/same.txt': 'b' })
    const summary = await s.publisher.publish({
      directory: s.base,
      channel: s.url,
      label: '1.0',
      attributes: { title: 'A site', schedule: 'every 1 hour', kind: 'html', main: 'index.html' },
    })
    t.match(summary, {
      outcome: 'published',
      release: 1,
      label: '1.0',
      files: 3,
      bytes: 5,
      sentObjects: 2,
      reusedObjects: 0,
      changes: { added: 3, newObjects: 2 },
    })
    t.ok(summary.link.includes(`#${summary.channelId}`))
    t.ok(summary.onlineKey)
    for (const key of [summary.keysCreated?.recovery, summary.keysCreated?.publisher]) {
      t.equal(statSync(key?.path ?? '').mode & 0o777, 0o600)
    }
    const { head, manifest } = await readHead(s, summary.channelId)
    t.match(head, { release: 1, label: '1.0', entries: 3, totalBytes: 5, largestFileBytes: 3 })
    t.match(manifest, { title: 'A site', kind: 'html', schedule: 'every 1 hour', name: 'site' })
    const object = await s.transport.fetchBytes(`${s.url}/objects/${digestOf('b')}`, {
      bytesMax: 10,
    })
    t.equal(object.bytes.toString(), 'b')
  },
)

t.test('C41: a second publish sends only what changed, attributes stay, none clears', async (t) => {
  const s = await stage(t, { 'index.html': '<p>', 'a/b.txt': 'b'.repeat(1000) })
  const publish = (more = {}) => s.publisher.publish({ directory: s.base, channel: s.url, ...more })
  const first = await publish({ attributes: { title: 'Kept', description: 'Gone soon' } })
  t.match(await publish(), { outcome: 'nothing-new', release: 1, manifestId: first.manifestId })
  writeFileSync(path.join(s.base, 'new.txt'), 'new')
  t.match(await publish({ dryRun: true }), {
    outcome: 'dry-run',
    release: 2,
    sentObjects: 1,
    sentBytes: 3,
  })
  t.equal((await readHead(s, first.channelId)).head.release, 1)
  const second = await publish({ attributes: { description: 'none' } })
  t.match(second, { release: 2, sentObjects: 1, reusedObjects: 2, changes: { added: 1 } })
  t.ok(second.sentBytes < 600, `${second.sentBytes} bytes`)
  const { manifest } = await readHead(s, first.channelId)
  t.equal(manifest.title, 'Kept')
  t.equal(manifest.description, undefined)
  t.match(await publish({ force: true }), { outcome: 'published', release: 3, sentObjects: 0 })
  t.match(await publish({ label: 'final' }), { outcome: 'published', release: 4, label: 'final' })
})

t.test('C41: a changed file travels as a delta against the one at the transmitter', async (t) => {
  const content = randomBytes(400_000)
  const s = await stage(t, { 'big.bin': content, 'small.txt': 'x' })
  const publish = () => s.publisher.publish({ directory: s.base, channel: s.url })
  await publish()
  content.write('changed here', 200_000)
  writeFileSync(path.join(s.base, 'big.bin'), Buffer.concat([Buffer.from('head'), content]))
  const second = await publish()
  t.match(second, { release: 2, deltas: 1, sentObjects: 1, deltaObjectBytes: 400_004 })
  t.ok(second.sentBytes < 10_000, `${second.sentBytes} bytes`)
  writeFileSync(path.join(s.base, 'big.bin'), randomBytes(400_000))
  t.match(await publish(), { release: 3, deltas: 0, sentObjects: 1 })
})

t.test('C41 R46: large objects go in segments, and a broken upload goes on', async (t) => {
  const s = await stage(t, { 'huge.bin': randomBytes(70_000_000), 'b.txt': 'b' })
  const stop = new AbortController()
  const onProgress = (progress: PublishProgress) => {
    if (progress.phase === 'upload' && progress.sentBytes > 40_000_000) stop.abort()
  }
  const options = { directory: s.base, channel: s.url }
  await t.rejects(s.publisher.publish({ ...options, signal: stop.signal, onProgress }))
  await t.rejects(s.transport.fetchBytes(`${s.url}/trust/timestamp.json`, { bytesMax: 1e5 }))
  const resumed = await s.publisher.publish(options)
  t.equal(resumed.release, 1)
  t.ok(resumed.sentBytes < 50_000_000, `${resumed.sentBytes} bytes after the break`)
  const head = await readHead(s, resumed.channelId)
  const file = head.manifest.entries.find((entry) => entry.path === 'huge.bin')
  t.ok(file)
})

t.test('C41: many small files travel many at a time', async (t) => {
  const files = Object.fromEntries(
    Array.from({ length: 700 }, (_, i) => [`d${i % 7}/f${i}.txt`, `content ${i}`]),
  )
  const s = await stage(t, files)
  const summary = await s.publisher.publish({ directory: s.base, channel: s.url })
  t.match(summary, { release: 1, files: 700, sentObjects: 700 })
})

t.test('C45: revert makes an older release the newest, by a signed step forward', async (t) => {
  const s = await stage(t, { 'a.txt': 'one' })
  const publish = (more = {}) => s.publisher.publish({ directory: s.base, channel: s.url, ...more })
  const first = await publish({ label: 'v1' })
  writeFileSync(path.join(s.base, 'a.txt'), 'two')
  await publish({ attributes: { title: 'Newer' } })
  const reverted = await s.publisher.revert(s.url, 1)
  t.match(reverted, { release: 3, label: 'v1', sentObjects: 0, changes: { changed: 1 } })
  const { manifest } = await readHead(s, first.channelId)
  t.match(manifest, { title: 'Newer', entries: [{ sha256: digestOf('one') }] })
  await t.rejects(s.publisher.revert(s.url, 9), { code: 'LW_PUBLISH_NO_RELEASE', exit: 10 })
})

t.test('C45: a channel ends by a signed release; then nothing follows', async (t) => {
  const s = await stage(t, { 'a.txt': 'one' })
  const first = await s.publisher.publish({ directory: s.base, channel: s.url })
  t.match(await s.publisher.end(s.url), { release: 2, outcome: 'published' })
  t.match((await readHead(s, first.channelId)).head, { release: 2, ended: true })
  await t.rejects(s.publisher.publish({ directory: s.base, channel: s.url }), {
    code: 'LW_PUBLISH_ENDED',
  })
})

t.test(
  'C40: a file that changes between scan and sending stops the publish, nothing is lost',
  async (t) => {
    const s = await stage(t, { 'a.txt': 'one', 'log.txt': 'start' })
    let touched = false
    await t.rejects(
      s.publisher.publish({
        directory: s.base,
        channel: s.url,
        certify: async () => {
          if (!touched) appendFileSync(path.join(s.base, 'log.txt'), 'more')
          touched = true
          return ''
        },
      }),
      { code: 'LW_PUBLISH_FILE_CHANGING', exit: 75 },
    )
    t.match(await s.publisher.publish({ directory: s.base, channel: s.url }), { release: 1 })
  },
)

t.test(
  'R32: the loser of a race comes on top of the winner, and sends nothing twice',
  async (t) => {
    const s = await stage(t, { 'a.txt': 'a' })
    const first = await s.publisher.publish({ directory: s.base, channel: s.url })
    const home = path.join(s.root, 'other')
    const other = createPublisher({ home, transport: s.transport })
    await other.keys.import(await s.publisher.keys.export(s.url, { roles: ['targets'] }))
    const token = readFileSync(path.join(s.home, 'transmitter', 'publish-token'), 'utf8').trim()
    const theirs = path.join(s.root, 'theirs')
    mkdirSync(theirs)
    writeFileSync(path.join(theirs, 'b.txt'), 'b')
    writeFileSync(path.join(s.base, 'mine.txt'), 'mine')
    let raced = false
    const mine = await s.publisher.publish({
      directory: s.base,
      channel: s.url,
      onProgress: async (progress) => {
        if (progress.phase === 'conflict') t.match(progress, { release: 2 })
      },
      // Runs between planning and committing: the other one is faster.
      certify: async () => {
        if (!raced) {
          raced = true
          await other.publish({ directory: theirs, channel: s.url, token })
        }
        return Buffer.from('certificate').toString('base64')
      },
    })
    t.match(mine, { release: 3, sentObjects: 0 })
    t.match(mine.warnings.join('\n'), /published release 2 first/)
    const { manifest } = await readHead(s, first.channelId)
    t.strictSame(
      manifest.entries.map((entry) => entry.path),
      ['a.txt', 'mine.txt'],
    )
  },
)

t.test(
  'S12: keys rotate without a release, and publishing goes on with the new ones',
  async (t) => {
    const s = await stage(t, { 'a.txt': 'one' })
    const first = await s.publisher.publish({ directory: s.base, channel: s.url })
    const rotated = await s.publisher.keys.change(s.url, { kind: 'rotate', role: 'targets' })
    t.match(rotated, { release: 1, rootVersion: 2, targetsVersion: 2 })
    writeFileSync(path.join(s.base, 'a.txt'), 'two')
    t.match(await s.publisher.publish({ directory: s.base, channel: s.url }), { release: 2 })
    t.match(await s.publisher.keys.change(s.url, { kind: 'renew' }), { targetsVersion: 4 })
    t.equal((await readHead(s, first.channelId)).head.release, 2)
  },
)
