import t from 'tap'
import { bundleFormat } from '../../delta/index.ts'
import { findRoutes, StagingArea } from '../../mirroring/index.ts'
import { type BundleOffer, parseChannelAddress, type RouteOffer } from '../../protocol/index.ts'
import type { Transport } from '../../transport/index.ts'
import { systemClock } from '../../transport/index.ts'
import { GenerationStore } from '../../tuner/generations/index.ts'
import { subscribe, updateSubscription } from '../../tuner/operations/index.ts'
import { rememberTicket } from '../../tuner/operations/tickets.ts'
import type { Subscription } from '../../tuner/subscriptions/index.ts'
import { type UpdateContext, updateFolder, updateGenerations } from '../../tuner/updates/index.ts'
import { FaultFileSystem } from '../faults/fault-file-system.ts'
import { MemoryFileSystem } from '../faults/memory-file-system.ts'
import { tunerContextAt } from '../faults/tuner-bench.ts'
import {
  channelId,
  channelUrl,
  makeRelease,
  makeStep,
  type MemoryRelease,
  type Tree,
} from '../support/memory-channel.ts'
import { memoryTransport } from '../support/memory-transport.ts'
import { SignedChannel } from '../support/signed-channel.ts'
import { readTreeOf, sameTree, treeOf } from '../support/tree-state.ts'

const subscription: Subscription = {
  id: 'demo',
  name: 'demo',
  url: channelUrl,
  channel: channelId,
  firstUse: 'pinned',
  addedAt: '2026-01-01T00:00:00Z',
}

function text(seed: number): string {
  let state = seed
  let out = ''
  while (out.length < 3000) {
    state = (state * 48271) % 2147483647
    out += state.toString(36)
  }
  return out
}

const one: Tree = { 'a.txt': text(1), 'b.txt': text(2) }
const two: Tree = { 'a.txt': `${text(1)}two`, 'b.txt': text(2), 'between.txt': text(3) }
const three: Tree = { 'a.txt': `${text(1)}three`, 'b.txt': `${text(2)}three` }

/** A tuner at release 1 of a channel with three, and what it asks for. */
async function stage() {
  const pages = new Map<string, Uint8Array>()
  const releases = [
    makeRelease(1, one, pages),
    makeRelease(2, two, pages),
    makeRelease(3, three, pages),
  ]
  const [first, second, third] = releases as [MemoryRelease, MemoryRelease, MemoryRelease]
  const fs = new MemoryFileSystem()
  await fs.mkdir('/lw')
  const asked: string[] = []
  const replaceable: boolean[] = []
  const inner = memoryTransport(pages)
  const transport: Transport = {
    ...inner,
    fetchBytes: (url, options) => {
      asked.push(String(url).slice(channelUrl.length))
      return inner.fetchBytes(url, options)
    },
    fetchToSink: (url, options) => {
      asked.push(String(url).slice(channelUrl.length))
      if (String(url).includes('/deltas/')) replaceable.push(options.replaceable === true)
      return inner.fetchToSink(url, options)
    },
  }
  const context: UpdateContext = { fs, transport, clock: systemClock, sources: [channelUrl] }
  const update = async (head: MemoryRelease['head'], under: UpdateContext = context) => {
    const store = new GenerationStore({ fs: under.fs, directory: '/lw' })
    await store.recover()
    return updateGenerations(under, { subscription, store, head, kept: 3 })
  }
  const offer = (document: Partial<RouteOffer>): void => {
    const body = { from: 1, to: 3, ...document }
    pages.set(`${channelUrl}/deltas/1..3`, Buffer.from(JSON.stringify(body)))
  }
  await update(first.head)
  asked.length = 0
  return { pages, first, second, third, fs, context, update, offer, asked, replaceable }
}

t.test(
  '§6: a chain of bundles is applied step by step and only the head is believed',
  async (t) => {
    const { pages, first, second, third, fs, update, offer, asked, replaceable } = await stage()
    const chain = [await makeStep(first, second, pages), await makeStep(second, third, pages)]
    offer({ chain, wholeBytes: 100_000 })
    const applied = await update(third.head)
    t.equal(applied.fetched?.route.kind, 'bundle')
    t.equal(applied.fetched?.cost.objects, 0, 'no object was fetched')
    t.strictSame(replaceable, [true, true], 'a bundle that stalls is given up for whole files')
    t.ok(sameTree(await readTreeOf(fs, '/lw/generations/3/tree'), treeOf(third.manifest)))
    t.equal(asked.filter((url) => url.startsWith('/objects/')).length, 0)
    const left = [...(await readTreeOf(fs, '/lw/staging')).values()]
    t.strictSame(
      left.filter((what) => what.startsWith('file')),
      [],
      'the release between left nothing',
    )
  },
)

t.test('§6: a step without figures, or with boundless ones, is no route', async (t) => {
  const { pages, third, offer, context } = await stage()
  const digest = 'ab'.repeat(32)
  const figures = {
    manifest: digest,
    manifestBytes: 100,
    entries: 2,
    totalBytes: 6000,
    largestFileBytes: 3000,
  }
  const shared = { format: bundleFormat, sha256: digest, bytes: 10 }
  const step = { ...shared, from: 1, to: 2, figures }
  const last = { ...shared, from: 2, to: 3 }
  const { figures: _none, ...bare } = step
  const staging = new StagingArea({ directory: '/lw/staging', fileSystem: new MemoryFileSystem() })
  const kinds = async (chain: readonly BundleOffer[]): Promise<readonly string[]> => {
    offer({ chain: [...chain] })
    const { fs: _fs, ...fetching } = context
    const question = { from: 1, heldBytes: 6000, head: third.head, wholeBytes: 6000 }
    const routes = await findRoutes({ ...fetching, staging }, question)
    return routes.map((route) => route.kind)
  }
  t.strictSame(await kinds([step, last]), ['bundle', 'whole'], 'a sound chain is one')
  t.strictSame(await kinds([bare, last]), ['whole'], 'no figures')
  const boundless = { ...figures, totalBytes: 2 ** 40 }
  t.strictSame(await kinds([{ ...step, figures: boundless }, last]), ['whole'], 'too many bytes')
  const odd = { ...figures, largestFileBytes: 7000 }
  t.strictSame(await kinds([{ ...step, figures: odd }, last]), ['whole'], 'a file above the total')
  t.strictSame(await kinds([step, { ...last, from: 1 }]), ['whole'], 'a gap')
  t.strictSame(await kinds([{ ...step, to: 3 }, last]), ['whole'], 'no way on')
  const long = Array.from({ length: 9 }, (_, at) => ({ ...step, from: at + 1, to: at + 2 }))
  t.strictSame(await kinds(long), ['whole'], 'too long')
  t.ok(pages.size > 0)
})

t.test('C5: a broken chain falls to whole files, and what it built is not kept', async (t) => {
  const { pages, first, second, third, fs, update, offer } = await stage()
  const chain = [await makeStep(first, second, pages), await makeStep(second, third, pages)]
  const url = `${channelUrl}/deltas/2..3/${chain[1]?.sha256}`
  pages.set(url, Buffer.alloc(chain[1]?.bytes ?? 0, 7))
  offer({ chain, wholeBytes: 100_000 })
  const applied = await update(third.head)
  t.equal(applied.fetched?.route.kind, 'whole')
  t.equal(applied.fetched?.broken.length, 1)
  t.ok(sameTree(await readTreeOf(fs, '/lw/generations/3/tree'), treeOf(third.manifest)))
})

t.test(
  'what whole files are is one figure, whatever a server says and whatever broke',
  async (t) => {
    const figures: (number | undefined)[] = []
    const runs = ['no offer', 'a bundle', 'a broken bundle'] as const
    for (const run of runs) {
      const { pages, first, third, update, offer } = await stage()
      if (run !== 'no offer') {
        const { figures: _figures, ...step } = await makeStep(first, third, pages)
        const url = `${channelUrl}/deltas/1..3/${step.sha256}`
        if (run === 'a broken bundle') pages.set(url, Buffer.alloc(step.bytes, 7))
        // Compressed, as a transmitter says it.
        offer({ ...step, wholeBytes: step.bytes + 50 })
      }
      const { fetched } = await update(third.head)
      figures.push(fetched?.considered.find(({ kind }) => kind === 'whole')?.bytes)
    }
    t.ok(
      Number(figures[0]) > 6000,
      `${figures[0]} bytes: both files, as they are, and the manifest`,
    )
    t.strictSame(figures, [figures[0], figures[0], figures[0]], runs.join(', '))
  },
)

t.test('C5: a process that dies after the download does not download again', async (t) => {
  const { pages, first, third, fs, context, update, offer, asked } = await stage()
  const { figures: _figures, ...step } = await makeStep(first, third, pages)
  offer({ ...step, wholeBytes: 100_000 })
  const faults = new FaultFileSystem(fs)
  await t.resolves(update(third.head, { ...context, fs: faults }))
  const names = faults.operations.map((operation) => operation.name)
  const paths = faults.operations.map((operation) => operation.path)
  const at = paths.findIndex((path) => path.includes('building-3') && path.endsWith('release.json'))
  t.ok(at > 0 && names.length > at, 'the place where it will die is known')

  const again = await stage()
  const { figures: _more, ...offered } = await makeStep(again.first, again.third, again.pages)
  again.offer({ ...offered, wholeBytes: 100_000 })
  const dying = new FaultFileSystem(again.fs, { at, mode: 'kill-before' })
  await t.rejects(again.update(again.third.head, { ...again.context, fs: dying }))
  again.asked.length = 0
  const applied = await again.update(again.third.head)
  t.equal(applied.to, 3)
  t.strictSame(again.asked, [], 'everything lay there')
  t.ok(asked.length > 0)
})

t.test('C5: a corrupt bundle falls to whole files, and what was verified stays', async (t) => {
  const { pages, first, third, fs, update, offer, asked } = await stage()
  const { figures: _figures, ...step } = await makeStep(first, third, pages)
  pages.set(`${channelUrl}/deltas/1..3/${step.sha256}`, Buffer.alloc(step.bytes, 7))
  offer({ ...step, wholeBytes: 100_000 })
  const [a, b] = third.manifest.entries.flatMap((one) => (one.type === 'file' ? [one] : []))
  if (a === undefined || b === undefined) throw new Error('two files')
  const gone = `${channelUrl}/objects/${b.sha256}`
  const bytes = pages.get(gone) ?? Buffer.alloc(0)
  pages.delete(gone)
  await t.rejects(update(third.head), { code: 'LW_MIRROR_OBJECT_GONE' })
  pages.set(gone, bytes)
  asked.length = 0
  const applied = await update(third.head)
  const { route, considered } = applied.fetched ?? {}
  t.equal(route?.kind, 'whole')
  t.ok(route !== undefined && considered?.includes(route), 'it is one of those considered')
  t.notOk(
    asked.some((url) => url.includes(a.sha256)),
    'what was verified is not fetched twice',
  )
  t.ok(asked.some((url) => url.includes(b.sha256)))
  t.ok(sameTree(await readTreeOf(fs, '/lw/generations/3/tree'), treeOf(third.manifest)))
})

t.test('§6: what the routes cost is told, whole files as they really are', async (t) => {
  const { pages, first, third, update, offer } = await stage()
  const { figures: _figures, ...step } = await makeStep(first, third, pages)
  offer({ ...step })
  const applied = await update(third.head)
  const changed = third.manifest.entries.reduce(
    (sum, one) => sum + (one.type === 'file' ? one.size : 0),
    third.head.bytes,
  )
  t.strictSame(
    applied.fetched?.considered.map(({ kind, bytes }) => ({ kind, bytes })),
    [
      { kind: 'bundle', bytes: step.bytes },
      { kind: 'whole', bytes: changed },
    ],
  )
})

t.test('C5: an edited base of a folder does not stop a bundle from falling to whole', async (t) => {
  const pages = new Map<string, Uint8Array>()
  const first = makeRelease(1, one, pages)
  const third = makeRelease(3, three, pages)
  const { figures: _figures, ...step } = await makeStep(first, third, pages)
  const body = JSON.stringify({ ...step, wholeBytes: 100_000 })
  pages.set(`${channelUrl}/deltas/1..3`, Buffer.from(body))
  const fs = new MemoryFileSystem()
  for (const folder of ['/state', '/folder']) await fs.mkdir(folder)
  const context = {
    fs,
    transport: memoryTransport(pages),
    clock: systemClock,
    sources: [channelUrl],
  }
  const folder = {
    subscription: { ...subscription, into: { directory: '/folder', protect: [] } },
    stateDirectory: '/state',
  }
  await updateFolder(context, { ...folder, head: first.head })
  const edited = await fs.open('/folder/a.txt', 'w')
  await edited.write(Buffer.from('edited by the user'))
  const applied = await updateFolder(context, { ...folder, head: third.head })
  t.equal(applied.fetched?.route.kind, 'whole')
  t.ok(sameTree(await readTreeOf(fs, '/folder'), treeOf(third.manifest)))
})

t.test('C5: a corrupt bundle falls to differences of single files', async (t) => {
  const big = Array.from({ length: 100 }, (_, at) => text(at + 1)).join('')
  const channel = await SignedChannel.make(
    [
      { 'big.bin': big, 'b.txt': 'one' },
      { 'big.bin': `${big}changed`, 'b.txt': 'two' },
    ],
    'differences',
  )
  const [first, second] = channel.releases as [MemoryRelease, MemoryRelease]
  const inner = memoryTransport(channel.pagesAt(2))
  const bundle = { format: bundleFormat, sha256: 'ab'.repeat(32), bytes: 100 }
  const offer = Buffer.from(JSON.stringify({ from: 1, to: 2, ...bundle, wholeBytes: 900_000 }))
  const transport: Transport = {
    ...inner,
    fetchBytes: async (url, options) =>
      String(url).endsWith('/deltas/1..2')
        ? { status: 200, headers: {}, bytes: offer }
        : inner.fetchBytes(url, options),
    async fetchToSink(url, options) {
      if (!String(url).includes('/deltas/')) return inner.fetchToSink(url, options)
      await options.sink.write(Buffer.alloc(100, 1))
      return { bytes: 100, etag: undefined, receivedBytes: 100, resumedFrom: 0, restarts: 0 }
    },
  }
  const fs = new MemoryFileSystem()
  await fs.mkdir('/lw')
  const context = { fs, transport, clock: systemClock, sources: [channelUrl] }
  const own = { ...subscription, channel: channel.channelId }
  const store = new GenerationStore({ fs, directory: '/lw' })
  await store.recover()
  const shared = { subscription: own, store, kept: 3 }
  await updateGenerations(context, { ...shared, head: first.head })
  const { fetched } = await updateGenerations(context, { ...shared, head: second.head })
  t.strictSame(
    fetched?.broken.map(({ route }) => route.kind),
    ['bundle'],
  )
  t.equal(fetched?.differences, 1)
  t.ok((fetched?.cost.objects ?? 0) < 1000, `${fetched?.cost.objects} bytes for the files`)
  t.ok(sameTree(await readTreeOf(fs, '/lw/generations/2/tree'), treeOf(second.manifest)))
})

t.test(
  'C90: the ticket of an answer goes with every request for content, for an hour',
  async (t) => {
    const channel = await SignedChannel.make([one, two], 'whole')
    const place = { fs: new MemoryFileSystem(), root: '/lw' }
    for (const folder of ['/lw', '/lw/home', '/lw/home/tuner']) await place.fs.mkdir(folder)
    const shown: string[] = []
    const inner = memoryTransport(channel.pagesAt(1))
    let pages = inner
    const transport: Transport = {
      ...inner,
      fetchBytes(url, options) {
        const { authorization = 'none' } = { ...options.headers } as Record<string, string>
        shown.push(`${String(url).slice(channelUrl.length).split('/')[1]} ${authorization}`)
        return pages.fetchBytes(url, options)
      },
    }
    let nowMs = Date.now()
    const context = {
      ...tunerContextAt(place, transport),
      clock: { ...systemClock, now: () => nowMs },
    }
    const address = parseChannelAddress(`${channelUrl}#${channel.channelId}`)
    const { subscription: own } = await subscribe(context, { address })
    t.ok(shown.every((line) => line.endsWith(' none')))
    rememberTicket(context, own, 'lwt1.ticket')
    pages = memoryTransport(channel.pagesAt(2))
    shown.length = 0
    await updateSubscription(context, own)
    const kinds = new Set(shown)
    t.ok(kinds.has('objects Bearer lwt1.ticket') && kinds.has('deltas Bearer lwt1.ticket'))
    t.notOk(shown.some((line) => line.endsWith(' none')))
    nowMs += 60 * 60 * 1000
    shown.length = 0
    await updateSubscription(context, own)
    t.ok(shown.length > 0 && shown.every((line) => line.endsWith(' none')), 'it has run out')
  },
)
