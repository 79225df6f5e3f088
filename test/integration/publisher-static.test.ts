import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import t from 'tap'
import { type Digest, digestOf, filesOf, parseManifest } from '../../protocol/index.ts'
import { createPublisher, type StaticOptions } from '../../publisher/index.ts'
import { type FileSystem, nodeFileSystem } from '../../store/durable-files/index.ts'
import { createTransport } from '../../transport/index.ts'
import { createTrustClient, type TrustState } from '../../trust/index.ts'
import { sweepFaults } from '../faults/index.ts'
import { makeQuickFolder } from '../support/quick-folder.ts'

// The machines of a build may be busy with other suites.
t.setTimeout(180_000)

interface Site {
  readonly root: string
  readonly home: string
  readonly base: string
  readonly out: string
  write(file: string, content: string | Buffer): void
}

function makeSite(files: Record<string, string | Buffer> = {}): Site {
  const root = makeQuickFolder('lw-static-')
  const base = path.join(root, 'base')
  const write = (name: string, content: string | Buffer) => {
    mkdirSync(path.dirname(path.join(base, name)), { recursive: true })
    writeFileSync(path.join(base, name), content)
  }
  mkdirSync(base)
  for (const [name, content] of Object.entries(files)) write(name, content)
  return { root, home: path.join(root, 'home'), base, out: path.join(root, 'www'), write }
}

function site(t: { teardown(done: () => unknown): void }, files = {}): Site {
  const made = makeSite(files)
  t.teardown(() => rmSync(made.root, { recursive: true, force: true }))
  return made
}

const transport = createTransport({ userAgent: 'test' })
t.teardown(() => transport.stop())

function publisherOf(s: Site, options: { fs?: FileSystem; clock?: { now(): number } } = {}) {
  return createPublisher({
    home: s.home,
    transport,
    fileSystem: options.fs ?? nodeFileSystem,
    clock: options.clock ?? Date,
  })
}

function publish(s: Site, more: Partial<StaticOptions> = {}, options = {}) {
  return publisherOf(s, options).publishStatic({
    directory: s.base,
    name: 'site',
    out: s.out,
    bundles: 'none',
    ...more,
  })
}

/** Follows the channel as a tuner does that can only GET files; checks every object of the head. */
async function follow(
  s: Site,
  how: { channelId: Digest; state?: TrustState | undefined; clock?: { now(): number } },
) {
  const folder = path.join(s.out, 'site')
  const client = createTrustClient({
    state: how.state,
    channelId: how.channelId,
    firstUse: 'pinned',
    clock: how.clock ?? Date,
  })
  const outcome = await client.refresh({
    async fetch(file) {
      const name = path.join(folder, 'trust', file)
      return existsSync(name) ? readFileSync(name) : undefined
    },
  })
  const { head, state } = outcome
  const bytes = readFileSync(path.join(folder, 'objects', head.sha256))
  if (digestOf(bytes) !== head.sha256) throw new Error('wrong manifest')
  const manifest = parseManifest(bytes)
  for (const { sha256, path: name } of filesOf(manifest)) {
    const object = path.join(folder, 'objects', sha256)
    if (digestOf(readFileSync(object)) !== sha256) throw new Error(`wrong object for ${name}`)
    if (!existsSync(`${object}.br`)) continue
    const packed = brotliDecompressSync(readFileSync(`${object}.br`))
    if (digestOf(packed) !== sha256) throw new Error(`wrong compressed form for ${name}`)
  }
  return { outcome, head, state, manifest }
}

t.test('C4 C41: the static form is published, followed, and published again', async (t) => {
  const s = site(t, { 'a.txt': 'a'.repeat(1000), 'b.bin': 'b', 'sub/c.txt': 'a'.repeat(1000) })
  const first = await publish(s, { label: '1.0', attributes: { title: 'A & B' } })
  const { channelId = digestOf('') } = first
  t.match(first, { outcome: 'published', release: 1, files: 3, writtenObjects: 2, bytes: 2001 })
  const keys = await publisherOf(s).keys.list()
  t.strictSame(keys.map((key) => key.role).sort(), ['online', 'root', 'targets'])
  const freshMs = Date.parse(first.timestampExpires) - Date.now()
  t.ok(freshMs > 29 * 86_400_000, first.timestampExpires)
  const seen = await follow(s, { channelId })
  t.match(seen.head, { release: 1, label: '1.0', bundles: [] })
  const days = (Date.parse(first.timestampExpires) - Date.now()) / 86_400_000
  t.ok(days > 29.9 && days <= 30, `${days} days`)

  t.match(await publish(s), { outcome: 'nothing-new', release: 1 })
  s.write('a.txt', 'changed')
  t.match(await publish(s, { dryRun: true }), { outcome: 'dry-run', release: 2 })
  const second = await publish(s)
  t.match(second, { outcome: 'published', release: 2, writtenObjects: 1, channelId })
  const again = await follow(s, { channelId, state: seen.state })
  t.match(again.head, { release: 2 })
  t.equal(again.manifest.title, 'A & B')
  const folder = path.join(s.out, 'site')
  t.match(readFileSync(path.join(folder, 'index.html'), 'utf8'), /A &amp; B/)
  t.match(JSON.parse(readFileSync(path.join(folder, 'subscription'), 'utf8')), {
    channel: channelId,
    name: 'site',
  })
  t.match(readFileSync(path.join(folder, 'index'), 'utf8'), /<file path="b.bin"/)
  t.equal(statSync(path.join(folder, 'objects', again.head.sha256)).mode & 0o777, 0o644)
})

t.test('C4: a dry run writes nothing at all', async (t) => {
  const s = site(t, { a: 'a' })
  t.match(await publish(s, { dryRun: true }), { outcome: 'dry-run', channelId: undefined })
  t.notOk(existsSync(s.out))
  t.notOk(existsSync(path.join(s.home, 'keys')))
})

t.test('C4 C41: bundles from the last releases are signed into the newest', async (t) => {
  const text = (n: number) => `line of text ${n}\n`.repeat(3000) + n
  const s = site(t, { 'a.txt': text(1), 'b.txt': text(2), 'same.txt': text(9) })
  const first = await publish(s, { bundles: 'fast' })
  s.write('a.txt', `${text(1)} and a little more`)
  await publish(s, { bundles: 'fast' })
  s.write('b.txt', `${text(2)} and more here`)
  const third = await publish(s, { bundles: 'fast' })
  t.strictSame(
    third.bundles.map((bundle) => bundle.from),
    [1, 2],
  )
  const { head } = await follow(s, { channelId: first.channelId ?? digestOf('') })
  t.strictSame(head.bundles, third.bundles)
  for (const { from, sha256, bytes } of third.bundles) {
    const file = path.join(s.out, 'site', 'deltas', `${from}..3`, sha256)
    t.equal(digestOf(readFileSync(file)), sha256)
    t.equal(statSync(file).size, bytes)
  }
  t.strictSame(
    readdirSync(path.join(s.out, 'site', 'deltas')).filter((name) => name.startsWith('.')),
    [],
  )
})

t.test('S4: the timestamp is signed anew by refresh, also after it ran out', async (t) => {
  const s = site(t, { a: 'a' })
  const { channelId = digestOf('') } = await publish(s)
  const late = { now: () => Date.now() + 30.5 * 86_400_000 }
  t.match(await follow(s, { channelId, clock: late }).catch((error) => error), {
    code: 'LW_TRUST_FROZEN',
  })
  const refreshed = await publisherOf(s, { clock: late }).refreshStatic({
    name: 'site',
    out: s.out,
  })
  t.match(refreshed, { outcome: 'refreshed', release: 1, channelId })
  t.match((await follow(s, { channelId, clock: late })).head, { release: 1 })
  const later = { now: () => late.now() + 10 * 86_400_000 }
  const nothing = await publish(s, {}, { clock: later })
  t.equal(nothing.outcome, 'nothing-new')
  t.ok(Date.parse(nothing.timestampExpires) > later.now() + 29 * 86_400_000, 'and along the way')
  await t.rejects(publisherOf(s).refreshStatic({ name: 'other', out: s.out }), {
    code: 'LW_PUBLISH_NO_CHANNEL',
    exit: 10,
  })
})

t.test('S2: a folder that was lost or restored from an old copy never goes back', async (t) => {
  const s = site(t, { a: 'one' })
  const first = await publish(s)
  const { channelId = digestOf('') } = first
  const old = path.join(s.root, 'old')
  execFileSync('cp', ['-a', s.out, old])
  s.write('a', 'two')
  await publish(s)
  const { state } = await follow(s, { channelId })
  rmSync(s.out, { recursive: true })
  execFileSync('cp', ['-a', old, s.out])
  t.match(await publish(s), { outcome: 'published', release: 3 }, 'the folder is behind')
  t.match((await follow(s, { channelId, state })).head, { release: 3 })
  rmSync(s.out, { recursive: true })
  const again = await publish(s)
  t.match(again, { release: 4, channelId })
  t.match((await follow(s, { channelId, state })).head, { release: 4 })
})

t.test('S12: keys of a static channel rotate, and subscribers follow', async (t) => {
  const s = site(t, { a: 'one' })
  const { channelId = digestOf(''), keysCreated } = await publish(s)
  const { state } = await follow(s, { channelId })
  const publisher = publisherOf(s)
  const change = { kind: 'rotate', role: 'targets' } as const
  t.match(await publisher.changeStaticKeys({ name: 'site', out: s.out, change }), {
    release: 1,
    rootVersion: 2,
    targetsVersion: 2,
    retired: [keysCreated?.publisher.keyId],
  })
  t.equal((await publisher.keys.list('site')).length, 4, 'found by its name')
  t.match((await follow(s, { channelId, state })).head, { release: 1 })
  s.write('a', 'two')
  t.match(await publish(s), { release: 2, channelId })
  t.match((await follow(s, { channelId, state })).head, { release: 2 })
})

t.test('S5: metadata in the folder that others forged is replaced, or refused', async (t) => {
  const s = site(t, { a: 'one' })
  const { channelId = digestOf('') } = await publish(s)
  const file = path.join(s.out, 'site', 'trust', '1.targets.json')
  const forge = (name: string, from: string, to: string) =>
    writeFileSync(name, readFileSync(name, 'utf8').replace(from, to))
  forge(file, '"release":1', '"release":7')
  t.match(await publish(s), { outcome: 'published', release: 2 }, 'with our own newest beside it')
  t.match((await follow(s, { channelId })).head, { release: 2 })
  forge(path.join(s.out, 'site', 'trust', 'timestamp.json'), '"issued":"2', '"issued":"3')
  s.write('a', 'two')
  t.match(await publish(s).catch((error) => error), { exit: 13 })
})

t.test('R34: two runs never write to one channel at once', async (t) => {
  const s = site(t, { a: 'one' })
  const results = await Promise.allSettled([publish(s), publish(s)])
  const failed = results.filter((result) => result.status === 'rejected')
  t.ok(failed.length <= 1)
  for (const result of failed) t.match(result.reason, { code: 'LW_STORE_LOCKED', exit: 11 })
  const keys = await publisherOf(s).keys.list()
  t.equal(keys.length, 3)
})

t.test('C40: the output folder is not published into itself', async (t) => {
  const s = site(t, { a: 'a' })
  const inside = { out: path.join(s.base, 'www') }
  await t.rejects(publish(s, inside), { code: 'LW_PUBLISH_HOLDS_KEYS' })
  t.match(await publish(s, { ...inside, ignore: ['/www/'] }), { release: 1, files: 1 })
})

/** The process of a real crash is gone, and its lock with it; here it lives on. */
async function endProcess(s: Site): Promise<void> {
  rmSync(path.join(s.out, 'site', '.publishing'), { recursive: true, force: true })
}

t.test('R10: a crash or error at any point leaves the old release or the new one', async (t) => {
  interface State extends Site {
    readonly channelId: Digest
    readonly state: TrustState
  }
  const stride = process.env['LONGWAVE_FULL_SWEEP'] === '1' ? 1 : 11
  const result = await sweepFaults<State>({
    stride,
    async prepare() {
      const s = makeSite({ a: 'one', 'd/b': 'b'.repeat(2000), same: 's' })
      const { channelId = digestOf('') } = await publish(s)
      const { state } = await follow(s, { channelId })
      s.write('a', 'two')
      s.write('d/b', 'B'.repeat(2000))
      return { ...s, channelId, state }
    },
    act: (fs, s) => publish(s, {}, { fs }),
    recover: endProcess,
    async check(s) {
      const { channelId, state } = s
      try {
        // What subscribers see right after the crash, before anybody repairs anything.
        const seen = await follow(s, { channelId, state })
        const next = await publish(s)
        const after = await follow(s, { channelId, state: seen.state })
        const left = readdirSync(path.join(s.out, 'site'), { recursive: true }).filter((name) =>
          /\.tmp/.test(String(name)),
        )
        const text = after.manifest.entries.find((entry) => entry.path === 'a')
        const good =
          left.length === 0 &&
          text?.type === 'file' &&
          text.sha256 === digestOf('two') &&
          next.channelId === channelId &&
          after.head.release >= 2
        if (!good) return 'mixed'
        return seen.head.release === 1 ? 'old' : 'new'
      } catch (error) {
        t.comment(String(error))
        return 'mixed'
      }
    },
    cleanUp: async (s) => rmSync(s.root, { recursive: true, force: true }),
  })
  t.comment(`${result.points} points, ${result.old} old, ${result.new} new, ${result.mixed} mixed`)
  t.ok(result.points > 30, `${result.points} points`)
  t.strictSame(result.mixedPoints, [])
  t.ok(result.old > 0 && result.new > 0)
})

t.test('S12 R10: a change of keys that breaks off is mended by the next run', async (t) => {
  interface State extends Site {
    readonly channelId: Digest
    readonly state: TrustState
  }
  const change = { kind: 'rotate', role: 'targets' } as const
  const result = await sweepFaults<State>({
    modes: ['kill-before', 'eio'],
    stride: process.env['LONGWAVE_FULL_SWEEP'] === '1' ? 1 : 5,
    async prepare() {
      const s = makeSite({ a: 'one' })
      const { channelId = digestOf('') } = await publish(s)
      const { state } = await follow(s, { channelId })
      return { ...s, channelId, state }
    },
    act: (fs, s) => publisherOf(s, { fs }).changeStaticKeys({ name: 'site', out: s.out, change }),
    recover: endProcess,
    async check(s) {
      try {
        await publisherOf(s).refreshStatic({ name: 'site', out: s.out })
        const { head, state } = await follow(s, s)
        s.write('a', 'two')
        await publish(s)
        const after = await follow(s, { channelId: s.channelId, state })
        return head.release === 1 && after.head.release === 2 ? 'new' : 'mixed'
      } catch (error) {
        t.comment(String(error))
        return 'mixed'
      }
    },
    cleanUp: async (s) => rmSync(s.root, { recursive: true, force: true }),
  })
  t.comment(`${result.points} points, ${result.mixed} mixed`)
  t.strictSame(result.mixedPoints, [])
})

t.test('R1: a crash at any point of the first publish is mended by the next run', async (t) => {
  const result = await sweepFaults<Site>({
    modes: ['kill-before', 'enospc'],
    stride: process.env['LONGWAVE_FULL_SWEEP'] === '1' ? 1 : 9,
    prepare: async () => makeSite({ a: 'one' }),
    act: (fs, s) => publish(s, {}, { fs }),
    recover: endProcess,
    async check(s) {
      try {
        const { channelId = digestOf('') } = await publish(s)
        await follow(s, { channelId })
        return 'new'
      } catch (error) {
        t.comment(String(error))
        return 'mixed'
      }
    },
    cleanUp: async (s) => rmSync(s.root, { recursive: true, force: true }),
  })
  t.comment(`${result.points} points, ${result.mixed} mixed`)
  t.strictSame(result.mixedPoints, [])
})

t.test('S4: a release whose own signature ends is signed anew along the way', async (t) => {
  const s = site(t, { a: 'a' })
  const first = await publish(s)
  const { channelId = digestOf('') } = first
  const later = (days: number) => ({ now: () => Date.now() + days * 86_400_000 })
  const soon = await publish(s, {}, { clock: later(660) })
  t.match(soon, { outcome: 'nothing-new', release: 1 }, 'two years are nearly over')
  const { outcome } = await follow(s, { channelId, clock: later(670) })
  t.match(outcome.head, { release: 1 })
  t.strictSame(outcome.warnings, [], 'nothing ends soon any more')
  const late = later(5 * 365)
  await publisherOf(s, { clock: late }).refreshStatic({ name: 'site', out: s.out })
  t.match((await follow(s, { channelId, clock: late })).head, { release: 1 }, 'long after its end')
})

t.test('C45: what no retained release needs goes after its time of grace', async (t) => {
  const s = site(t, { same: 's', a: 'release 1' })
  const { channelId = digestOf('') } = await publish(s)
  const days = (count: number) => ({ clock: { now: () => Date.now() + count * 86_400_000 } })
  const objects = () => new Set(readdirSync(path.join(s.out, 'site', 'objects')))
  const has = (text: string) => objects().has(digestOf(text))
  for (const release of [2, 3]) {
    s.write('a', `release ${release}`)
    await publish(s, { keep: 2 })
  }
  t.ok(has('release 1'), 'it has just left')
  s.write('a', 'release 4')
  await publish(s, { keep: 2 }, days(13))
  t.ok(has('release 1'), 'not yet')
  s.write('a', 'release 5')
  const fifth = await publish(s, { keep: 2 }, days(20))
  t.notOk(has('release 1'))
  t.ok(has('release 2'), 'it left 7 days ago, however old its file is')
  t.ok(has('release 4') && has('release 5') && has('s'))
  t.ok((fifth.pruned?.files ?? 0) >= 2, 'the manifest of the release went, too')
  const roots = readdirSync(path.join(s.out, 'site', 'trust'))
  t.ok(roots.includes('1.root.json') && !roots.includes('1.targets.json'))
  t.match(await follow(s, { channelId, ...days(20) }), { head: { release: 5 } })
})

t.test('C45: the folder lists its channels, with links where its URL is known', async (t) => {
  const s = site(t, { a: 'a' })
  const { channelId = digestOf('') } = await publish(s, { label: '1.0' })
  await publish(s, { name: 'docs', publicUrl: 'https://example.org/' })
  writeFileSync(path.join(s.out, 'notes.txt'), 'no channel')
  mkdirSync(path.join(s.out, 'other'))
  writeFileSync(path.join(s.out, 'other', 'listing.json'), '{"name":"broken"}')
  s.write('a', 'b')
  await publish(s, { label: '1.1' })
  const list = JSON.parse(readFileSync(path.join(s.out, 'channels.json'), 'utf8'))
  t.match(list.channels, [
    { name: 'docs', url: 'https://example.org/docs', link: /^longwave:https:.*#/, release: 1 },
    { name: 'site', url: 'site', link: '', release: 2, label: '1.1', channel: channelId },
  ])
  t.equal(list.channels.length, 2)
})
