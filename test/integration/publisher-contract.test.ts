import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { type Digest, digestOf, isLongwaveError } from '../../protocol/index.ts'
import {
  createPublisher,
  type Publisher,
  type PublishOptions,
  type PublishProgress,
} from '../../publisher/index.ts'
import { createTransport, type Transport } from '../../transport/index.ts'
import { createTrustClient, generateKeyPair } from '../../trust/index.ts'
import { sweepFaults } from '../faults/index.ts'
import { makeQuickFolder } from '../support/quick-folder.ts'
import { FakeTransmitter } from '../support/publisher-fake-transmitter.ts'

// The machines of a build may be busy with other suites.
t.setTimeout(120_000)

interface Stage {
  readonly root: string
  readonly home: string
  readonly base: string
  readonly url: string
  readonly fake: FakeTransmitter
  readonly transport: Transport
  readonly publisher: Publisher
  publish(more?: Partial<PublishOptions>): ReturnType<Publisher['publish']>
  write(file: string, content: string | Buffer): void
  /** A publisher with a home of its own. */
  another(): Publisher
}

type Test = { teardown(done: () => unknown): void }

async function stage(t: Test, files: Record<string, string | Buffer> = {}): Promise<Stage> {
  const root = makeQuickFolder('lw-contract-')
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  const base = path.join(root, 'base')
  const home = path.join(root, 'home')
  const write = (name: string, content: string | Buffer) => {
    mkdirSync(path.dirname(path.join(base, name)), { recursive: true })
    writeFileSync(path.join(base, name), content)
  }
  mkdirSync(base)
  for (const [name, content] of Object.entries(files)) write(name, content)
  const fake = new FakeTransmitter()
  const url = await fake.start()
  t.teardown(() => fake.stop())
  const transport = createTransport({ userAgent: 'test', retry: { attemptsMax: 1 } })
  t.teardown(() => transport.stop())
  const environment = { LONGWAVE_TOKEN: 'any' }
  const pause = async () => {}
  const publisher = createPublisher({ home, transport, environment, pause })
  let others = 0
  return {
    root,
    home,
    base,
    url,
    fake,
    transport,
    publisher,
    publish: (more) => publisher.publish({ directory: base, channel: url, ...more }),
    write,
    another: () =>
      createPublisher({ home: path.join(root, `home-${++others}`), transport, environment, pause }),
  }
}

async function verifiedRelease({ fake }: Stage, channelId: Digest | undefined): Promise<number> {
  const client = createTrustClient({
    state: undefined,
    ...(channelId === undefined ? {} : { channelId }),
    firstUse: 'pinned',
    clock: Date,
  })
  return (await client.refresh({ fetch: async (file) => fake.trustFile(file) })).head.release
}

t.test(
  'C20 C41: first publish, then only what changed; attributes stay, none clears',
  async (t) => {
    const s = await stage(t, { 'index.html': '<p>', 'a/b.txt': 'b', 'a/same.txt': 'b' })
    const attributes = {
      title: 'A site',
      description: 'Soon gone',
      kind: 'html',
      main: 'index.html',
    }
    const first = await s.publish({ label: '1.0', attributes })
    t.match(first, { outcome: 'published', release: 1, files: 3, bytes: 5, sentObjects: 2 })
    t.match(first, { label: '1.0', changes: { added: 3, newObjects: 2 } })
    for (const key of [first.keysCreated?.recovery, first.keysCreated?.publisher]) {
      t.equal(statSync(key?.path ?? '').mode & 0o777, 0o600)
    }
    t.equal(await verifiedRelease(s, first.channelId), 1)
    t.match(await s.publish(), { outcome: 'nothing-new', release: 1, sentBytes: 0 })
    s.write('new.txt', 'new')
    const dry = await s.publish({ dryRun: true })
    t.match(dry, { outcome: 'dry-run', release: 2, sentObjects: 1, sentBytes: 3, reusedObjects: 2 })
    t.equal(s.fake.head?.release, 1)
    const second = await s.publish({ attributes: { description: 'none' } })
    t.match(second, { release: 2, sentObjects: 1, reusedObjects: 2, changes: { added: 1 } })
    t.match(s.fake.head, { title: 'A site', kind: 'html', release: 2 })
    t.notOk(s.fake.head?.description)
    t.match(await s.publish({ force: true }), { release: 3, sentObjects: 0 })
    t.match(await s.publish({ label: 'final' }), { release: 4, label: 'final' })
    t.equal(await verifiedRelease(s, first.channelId), 4)
  },
)

t.test('C41: a dry run of a new channel makes no keys and sends nothing', async (t) => {
  const s = await stage(t, { a: 'a' })
  t.match(await s.publish({ dryRun: true }), { outcome: 'dry-run', release: 1, sentBytes: 1 })
  t.notOk(existsSync(path.join(s.home, 'keys')))
  t.strictSame(s.fake.requests, ['GET /site/releases'])
})

t.test('C41: changed files travel as deltas, and as wholes where that is as good', async (t) => {
  const content = randomBytes(400_000)
  const s = await stage(t, { 'big.bin': content, small: 'x' })
  await s.publish()
  s.write('big.bin', Buffer.concat([Buffer.from('head'), content, Buffer.from('tail')]))
  const second = await s.publish()
  t.match(second, { release: 2, deltas: 1, deltaObjectBytes: 400_008 })
  t.ok(second.sentBytes < 10_000, `${second.sentBytes} bytes`)
  t.match(s.fake.parts.at(-1), /^gdiff:/)
  s.write('big.bin', randomBytes(400_000))
  t.match(await s.publish(), { release: 3, deltas: 0, sentObjects: 1 })
  t.match(s.fake.parts.at(-1), /^object:/)
})

t.test(
  'S50: a base that is not what it says costs a whole object, never a wrong release',
  async (t) => {
    const content = randomBytes(300_000)
    const s = await stage(t, { 'big.bin': content })
    await s.publish()
    const before = digestOf(content)
    content.write('changed', 1000)
    s.write('big.bin', content)
    // The signature is of the right bytes, the delta is applied to others.
    s.fake.behaviour.before = (_method, name) => {
      if (name.endsWith('/objects')) s.fake.corrupt(before, randomBytes(300_000))
    }
    const second = await s.publish()
    t.match(second, { release: 2, outcome: 'published' })
    t.match(
      s.fake.parts.slice(-2).map((name) => name.split(':')[0]),
      ['gdiff', 'object'],
    )
    t.ok(s.fake.object(digestOf(content)))
  },
)

t.test('C41: bodies stay within what the transmitter takes: many parts, segments', async (t) => {
  const many = Array.from({ length: 1200 }, (_, i) => [`d/${i}`, `content ${i}`] as const)
  const s = await stage(t, { ...Object.fromEntries(many), 'huge.bin': randomBytes(700_000) })
  s.fake.behaviour.requestBytesMax = 100_000
  t.match(await s.publish(), { release: 1, sentObjects: 1201 })
  const kinds = s.fake.parts.map((name) => name.split(':')[0])
  t.equal(kinds.filter((kind) => kind === 'segment').length, 8)
  t.equal(kinds.filter((kind) => kind === 'object').length, 1200)
})

t.test(
  'R46: a broken upload goes on where it stopped, by retry and by running again',
  async (t) => {
    const s = await stage(t, { 'huge.bin': randomBytes(700_000), small: 's' })
    s.fake.behaviour.requestBytesMax = 100_000
    let failures = 3
    let requests = 0
    s.fake.behaviour.before = (_method, name) => {
      if (!name.endsWith('/objects')) return
      if (++requests % 3 === 0 && failures-- > 0) throw 503
    }
    t.match(await s.publish(), { release: 1 }, 'the same run goes on')
    const offsets = s.fake.parts.filter((name) => name.startsWith('segment'))
    t.equal(new Set(offsets).size, offsets.length, 'no segment was taken twice')

    s.write('huge.bin', randomBytes(700_000))
    let sent = 0
    s.fake.behaviour.before = (_method, name) => {
      if (name.endsWith('/objects') && ++sent > 3) throw 403
    }
    await t.rejects(s.publish(), { code: 'LW_TRANSFER_DENIED' })
    s.fake.behaviour.before = () => {}
    s.fake.parts.length = 0
    const again = await s.publish()
    t.match(again, { release: 2 })
    t.ok(again.sentBytes < 500_000, `${again.sentBytes} bytes in the second run`)
    t.equal(s.fake.parts.length, 5)
  },
)

t.test('R46: files that changed between two attempts do not lose what was sent', async (t) => {
  const s = await stage(t, { 'huge.bin': randomBytes(700_000), small: 's' })
  s.fake.behaviour.before = (_method, name) => {
    if (name.endsWith('/commit')) throw 403
  }
  await t.rejects(s.publish(), { code: 'LW_TRANSFER_DENIED' })
  s.fake.behaviour.before = () => {}
  s.fake.parts.length = 0
  s.write('late', 'late')
  t.match(await s.publish(), { release: 1, sentObjects: 1, files: 3 })
  t.equal(s.fake.parts.length, 1)
})

t.test(
  'C41: parts travel compressed where the transmitter takes that and the way is long',
  async (t) => {
    const s = await stage(t, { 'a.txt': 'text '.repeat(5000), 'b.png': randomBytes(5000) })
    s.fake.behaviour.codings = ['br']
    const port = new URL(s.url).port
    // Another name for this machine counts as another machine.
    const channel = `http://127.0.0.2:${port}/site`
    const reachable = await s.transport
      .fetchBytes(`${channel}/releases`, { bytesMax: 1e6 })
      .catch(() => undefined)
    if (reachable === undefined) t.comment('127.0.0.2 is not reachable here: sent uncompressed')
    const summary = await s.publish({ channel: reachable === undefined ? s.url : channel })
    t.match(summary, { release: 1, sentObjects: 2 })
    t.ok(s.fake.object(digestOf('text '.repeat(5000))))
    if (reachable !== undefined) {
      t.ok(s.fake.parts.some((name) => /^object:.*:br$/.test(name)))
      t.ok(summary.sentBytes < 8000, `${summary.sentBytes} bytes`)
    }
  },
)

t.test(
  'R32: the loser of a race comes on top of the winner, is told, and sends nothing twice',
  async (t) => {
    const s = await stage(t, { 'a.txt': 'a' })
    const { channelId } = await s.publish()
    const other = s.another()
    await other.keys.import(await s.publisher.keys.export(s.url, { roles: ['targets'] }))
    const theirs = path.join(s.root, 'theirs')
    mkdirSync(theirs)
    writeFileSync(path.join(theirs, 'b.txt'), 'b')
    s.write('mine.txt', 'mine')
    s.fake.parts.length = 0
    let races = 1
    let racing = false
    s.fake.behaviour.before = async (_method, name) => {
      if (!name.endsWith('/commit') || racing || races === 0) return
      races--
      racing = true
      writeFileSync(path.join(theirs, `b${races}.txt`), `b${races}`)
      await other.publish({ directory: theirs, channel: s.url, force: true })
      racing = false
    }
    const told: PublishProgress[] = []
    const onProgress = (progress: PublishProgress) => {
      if (progress.phase === 'conflict') told.push(progress)
    }
    const mine = await s.publish({ onProgress })
    t.match(mine, { release: 3, sentObjects: 0, changes: { added: 2, removed: 2 } })
    t.match(told, [{ phase: 'conflict', release: 2, winner: /this publisher key/ }])
    t.match(mine.warnings.join('\n'), /published release 2 first/)
    const mineParts = s.fake.parts.filter((name) => name.includes(digestOf('mine')))
    t.equal(mineParts.length, 1, 'what the lost upload brought counts for the next one')

    races = 2
    s.write('mine.txt', 'more')
    await t.rejects(s.publish(), {
      code: 'LW_PUBLISH_CONFLICT',
      exit: 75,
      members: { release: 5 },
    })
    s.fake.behaviour.before = () => {}
    t.match(await s.publish(), { release: 6 })
    t.equal(await verifiedRelease(s, channelId), 6)
  },
)

t.test('R32: publishers that race again and again make one line of releases', async (t) => {
  const s = await stage(t, { 'a.txt': 'a' })
  const { channelId } = await s.publish()
  const bundle = await s.publisher.keys.export(s.url, { roles: ['targets'] })
  const releases: number[] = []
  let told = 0
  const run = async (publisher: Publisher, index: number): Promise<void> => {
    await publisher.keys.import(bundle)
    const directory = path.join(s.root, `own-${index}`)
    mkdirSync(directory)
    for (let turn = 0; turn < 4; turn++) {
      writeFileSync(path.join(directory, `f${turn}`), `${index} ${turn}`)
      try {
        releases.push((await publisher.publish({ directory, channel: s.url })).release)
      } catch (error) {
        if (!isLongwaveError(error, 'LW_PUBLISH_CONFLICT')) throw error
        told++
      }
    }
  }
  await Promise.all(Array.from({ length: 8 }, (_, index) => run(s.another(), index)))
  releases.sort((a, b) => a - b)
  t.equal(releases.length + told, 32, 'everybody was answered')
  t.strictSame(
    releases,
    releases.map((_, index) => index + 2),
    'one line without gaps',
  )
  t.equal(await verifiedRelease(s, channelId), releases.at(-1))
})

t.test(
  'C45: revert is a signed step forward, also for a publisher that did not make the release',
  async (t) => {
    const s = await stage(t, { 'a.txt': 'one' })
    await s.publish({ label: 'v1' })
    s.write('a.txt', 'two')
    await s.publish({ attributes: { title: 'Newer' } })
    const reverted = await s.publisher.revert(s.url, 1)
    t.match(reverted, { release: 3, label: 'v1', sentObjects: 0, changes: { changed: 1 } })
    t.match(s.fake.head, { title: 'Newer', entries: [{ sha256: digestOf('one') }] })
    await t.rejects(s.publisher.revert(s.url, 9), { code: 'LW_PUBLISH_NO_RELEASE', exit: 10 })
    const other = s.another()
    await other.keys.import(await s.publisher.keys.export(s.url, { roles: ['targets'] }))
    t.match(await other.revert(s.url, 2), { release: 4, changes: { changed: 1 } })

    await s.publisher.keys.change(s.url, { kind: 'rotate', role: 'targets' })
    const third = s.another()
    await third.keys.import(await s.publisher.keys.export(s.url, { roles: ['targets'] }))
    await t.rejects(third.revert(s.url, 1), { code: 'LW_PUBLISH_RELEASE_UNVERIFIED', exit: 13 })
  },
)

t.test('R1: a commit whose answer got lost is asked for again', async (t) => {
  const s = await stage(t, { 'a.txt': 'a' })
  let lost = 2
  s.fake.behaviour.before = (_method, name) => {
    if (name.endsWith('/commit') && lost-- > 0) throw 502
  }
  t.match(await s.publish(), { release: 1, outcome: 'published' })
  t.equal(s.fake.requests.filter((request) => request.endsWith('/commit')).length, 3)
})

t.test('C45: a channel ends by a signed release; then nothing follows', async (t) => {
  const s = await stage(t, { 'a.txt': 'one' })
  await s.publish()
  t.match(await s.publisher.end(s.url), { release: 2, outcome: 'published' })
  await t.rejects(s.publish(), { code: 'LW_PUBLISH_ENDED' })
})

t.test(
  'S12: keys rotate without a release, and publishing goes on with the new ones',
  async (t) => {
    const s = await stage(t, { 'a.txt': 'one' })
    const first = await s.publish()
    const oldKey = first.keysCreated?.publisher.keyId ?? ''
    const rotated = await s.publisher.keys.change(s.url, { kind: 'rotate', role: 'targets' })
    t.match(rotated, { release: 1, rootVersion: 2, targetsVersion: 2, retired: [oldKey] })
    t.ok(existsSync(rotated.made?.path ?? ''))
    s.write('a.txt', 'two')
    const second = await s.publish()
    t.ok(second.link.endsWith(`#${first.channelId}.2`), 'the link carries the root version')
    t.match(await s.publisher.keys.change(s.url, { kind: 'renew' }), {
      release: 2,
      targetsVersion: 4,
    })
    const recovery = await s.publisher.keys.change(s.url, { kind: 'rotate', role: 'root' })
    t.match(recovery, { release: 2, rootVersion: 3 })
    s.write('a.txt', 'three')
    t.match(await s.publish(), { release: 3 })
    t.equal(await verifiedRelease(s, first.channelId), 3)
    await t.rejects(
      s.publisher.keys.change(s.url, { kind: 'threshold', role: 'targets', threshold: 2 }),
      { code: 'LW_PUBLISH_ATTRIBUTE' },
    )
  },
)

t.test('S12: the holder of a recovery key alone can change recovery keys', async (t) => {
  const s = await stage(t, { 'a.txt': 'one' })
  const first = await s.publish()
  const other = s.another()
  await other.keys.import(await s.publisher.keys.export(s.url, { roles: ['root'] }))
  t.match(await other.keys.change(s.url, { kind: 'add', role: 'root' }), {
    rootVersion: 2,
    targetsVersion: 1,
  })
  await t.rejects(other.keys.change(s.url, { kind: 'renew' }), {
    code: 'LW_PUBLISH_SIGNATURES_MISSING',
  })
  s.write('a.txt', 'two')
  t.match(await s.publish(), { release: 2 })
  t.equal(await verifiedRelease(s, first.channelId), 2)
})

t.test('S28: two of two signatures are gathered from two homes', async (t) => {
  const s = await stage(t, { 'a.txt': 'one' })
  await s.publish()
  const added = await s.publisher.keys.change(s.url, { kind: 'add', role: 'targets' })
  const other = s.another()
  await other.keys.import(await s.publisher.keys.export(s.url, { roles: ['targets'] }))
  await s.publisher.keys.change(s.url, { kind: 'threshold', role: 'targets', threshold: 2 })
  if (added.made === undefined) throw new Error('no key was made')
  await s.publisher.keys.remove(s.url, added.made.keyId)
  s.write('a.txt', 'two')
  const waiting = await s.publish().catch((error: unknown) => error)
  t.match(waiting, { code: 'LW_PUBLISH_SIGNATURES_MISSING', exit: 3, members: { threshold: 2 } })
  if (!isLongwaveError(waiting)) throw waiting
  const file = String(waiting.members['file'])
  t.match(await other.keys.sign(file), { signatures: 2, release: 2 })
  t.match(await s.publish(), { release: 2, sentObjects: 0 })
})

t.test('S28: without keys of the channel nothing is published, and none are made', async (t) => {
  const s = await stage(t, { 'a.txt': 'one' })
  await s.publish()
  const other = s.another()
  await t.rejects(other.publish({ directory: s.base, channel: s.url }), {
    code: 'LW_PUBLISH_KEYS_MISSING',
    exit: 13,
  })
  const link = `${s.url}#${'0'.repeat(64)}`
  await t.rejects(s.publish({ channel: link }), { code: 'LW_PUBLISH_NO_CHANNEL' })
  const bare = createPublisher({ home: s.home, transport: s.transport })
  await t.rejects(bare.publish({ directory: s.base, channel: s.url }), {
    code: 'LW_PUBLISH_TOKEN_MISSING',
    exit: 12,
  })
})

t.test(
  'S5: a transmitter that lies about the channel is refused before anything is sent',
  async (t) => {
    const s = await stage(t, { 'a.txt': 'one' })
    await s.publish()
    const old = new Map(
      ['timestamp.json', '1.snapshot.json'].map((file) => [file, s.fake.trustFile(file)]),
    )
    s.write('a.txt', 'two')
    await s.publish()
    s.write('a.txt', 'three')
    s.fake.requests.length = 0
    s.fake.behaviour.trust = (file, bytes) => old.get(file) ?? bytes
    await t.rejects(s.publish(), { code: 'LW_TRUST_ROLLBACK', exit: 13 })
    s.fake.behaviour.trust = (_file, bytes) => bytes && Buffer.from(bytes).fill('0', 40, 44)
    const forged = await s.publish().catch((error: unknown) => error)
    t.match(forged, { exit: 13 })
    t.notOk(s.fake.requests.some((request) => request.startsWith('POST')))
  },
)

t.test('S5: the online key that was pinned is followed by a decision only', async (t) => {
  const s = await stage(t, { 'a.txt': 'one' })
  const first = await s.publish()
  s.fake.online = generateKeyPair()
  s.write('a.txt', 'two')
  await t.rejects(s.publish(), { code: 'LW_PUBLISH_ONLINE_KEY', exit: 13 })
  t.match(await s.publisher.keys.change(s.url, { kind: 'online' }), { release: 1, rootVersion: 2 })
  t.match(await s.publish(), { release: 2 })

  s.fake.forget()
  s.write('a.txt', 'three')
  const again = await s.publish()
  t.match(again, { release: 3, channelId: first.channelId, sentObjects: 1 })
  t.match(again.warnings.join('\n'), /had lost this channel/)
})

t.test('S42: what the publisher keeps is private, and lost trust is refused', async (t) => {
  const s = await stage(t, { 'a.txt': 'one' })
  await s.publish()
  const channels = path.join(s.home, 'publisher', 'channels')
  const folder = path.join(channels, readdirSync(channels)[0] ?? '')
  t.equal(statSync(folder).mode & 0o777, 0o700)
  for (const name of readdirSync(folder)) {
    t.equal(statSync(path.join(folder, name)).mode & 0o077, 0, name)
  }
  rmSync(path.join(folder, 'trust.json'))
  await t.rejects(s.publish(), { code: 'LW_TRUST_STATE_DAMAGED', exit: 13 })
  writeFileSync(path.join(folder, 'channel.json'), '{}')
  await t.rejects(s.publish(), { code: 'LW_PUBLISH_STATE_DAMAGED', exit: 13 })
})

t.test('R1: a first publish that breaks anywhere goes on with the same channel id', async (t) => {
  const s = await stage(t, { 'a.txt': 'one' })
  const ids = new Set<string>()
  for (const broken of ['/releases', '/objects', '/commit']) {
    s.fake.behaviour.before = (method, name) => {
      if (method === 'POST' && name.endsWith(broken)) throw 403
    }
    await t.rejects(s.publish(), { code: 'LW_TRANSFER_DENIED' })
    const keys = await s.publisher.keys.list()
    t.equal(keys.length, 2)
    for (const key of keys) ids.add(String(key.channelId))
  }
  s.fake.behaviour.before = () => {}
  ids.add(String((await s.publish()).channelId))
  t.equal(ids.size, 1)
})

t.test('R1 R10: a crash or error at any point of a publish loses nothing', async (t) => {
  interface State {
    readonly s: Stage
    readonly end: () => Promise<void>
    readonly channelId: string
  }
  const result = await sweepFaults<State>({
    modes: ['kill-before', 'kill-after', 'eio'],
    stride: process.env['LONGWAVE_FULL_SWEEP'] === '1' ? 1 : 5,
    async prepare() {
      const done: (() => unknown)[] = []
      const s = await stage({ teardown: (work) => done.push(work) }, { 'a.txt': 'one' })
      const { channelId = '' } = await s.publish()
      s.write('a.txt', 'two')
      const end = async () => {
        for (const work of done) await work()
      }
      return { s, end, channelId }
    },
    act: (fileSystem, { s }) =>
      createPublisher({
        home: s.home,
        transport: s.transport,
        fileSystem,
        environment: { LONGWAVE_TOKEN: 'any' },
        pause: async () => {},
      }).publish({ directory: s.base, channel: s.url }),
    // The process of a real crash is gone, and its lock with it; here it lives on.
    async recover({ s }) {
      const channels = path.join(s.home, 'publisher', 'channels')
      for (const name of readdirSync(channels)) {
        rmSync(path.join(channels, name, 'lock'), { recursive: true, force: true })
      }
    },
    async check({ s, channelId }) {
      const seen = await verifiedRelease(s, channelId as Digest)
      const next = await s.publish()
      const isGood =
        next.channelId === channelId &&
        next.release === 2 &&
        next.outcome === (seen === 2 ? 'nothing-new' : 'published')
      const folder = path.join(s.home, 'publisher')
      const left = readdirSync(folder, { recursive: true }).filter((name) =>
        String(name).endsWith('.tmp'),
      )
      // A scan's cache is written in a folder of its own.
      const isTidy = left.every((name) => String(name).startsWith('scans'))
      if (!isGood || !isTidy) return 'mixed'
      return seen === 2 ? 'new' : 'old'
    },
    cleanUp: ({ end }) => end(),
  })
  t.comment(`${result.points} points, ${result.old} old, ${result.new} new, ${result.mixed} mixed`)
  t.strictSame(result.mixedPoints, [])
  t.ok(result.old > 0 && result.new > 0)
})

t.test('C40: bad attributes are refused before anything is sent', async (t) => {
  const s = await stage(t, { 'a.txt': 'one' })
  const bad = [
    [{ title: 'x'.repeat(300) }, 'LW_PUBLISH_ATTRIBUTE'],
    [{ schedule: 'now and then' }, 'LW_FORMAT_SCHEDULE'],
    [{ kind: 'program' }, 'LW_PUBLISH_ATTRIBUTE'],
    [{ main: '../up' }, 'LW_PUBLISH_ATTRIBUTE'],
    [{ repeaters: [{ url: 'ftp://x' }] }, 'LW_PUBLISH_ATTRIBUTE'],
    [{ repeaters: [{ url: 'http://x' }], assignment: 'time-zone' }, 'LW_PUBLISH_ATTRIBUTE'],
  ] as const
  for (const [attributes, code] of bad) {
    const error = await s.publish({ attributes }).catch((cause: unknown) => cause)
    t.match(error, { code, exit: 2 }, JSON.stringify(attributes).slice(0, 60))
  }
  const label = await s.publish({ label: 'a\nb' }).catch((cause: unknown) => cause)
  t.match(label, { code: 'LW_PUBLISH_ATTRIBUTE' })
  t.notOk(s.fake.requests.some((request) => request.startsWith('POST')))
})

t.test('S4: a publisher signs anew what it let expire, with or without news', async (t) => {
  for (const isNews of [false, true]) {
    const s = await stage(t, { 'a.txt': 'one' })
    const fiveYearsAgo = { now: () => Date.now() - 5 * 365 * 86_400_000 }
    const environment = { LONGWAVE_TOKEN: 'any' }
    const { home, transport } = s
    const past = createPublisher({ home, transport, environment, clock: fiveYearsAgo })
    s.fake.clock = fiveYearsAgo
    const { channelId } = await past.publish({ directory: s.base, channel: s.url })
    s.fake.clock = Date
    s.fake.resign()
    await t.rejects(verifiedRelease(s, channelId), { code: 'LW_TRUST_EXPIRED_TARGETS' })
    if (isNews) s.write('a.txt', 'two')
    const now = await s.publish()
    if (isNews) t.match(now, { outcome: 'published', release: 2 })
    else t.match(now, { outcome: 'nothing-new', release: 1, warnings: [/ends at/, /signed anew/] })
    t.equal(await verifiedRelease(s, channelId), isNews ? 2 : 1)
  }
})
