import t from 'tap'
import { bundleFormat } from '../../delta/index.ts'
import { findRoutes, StagingArea } from '../../mirroring/index.ts'
import type { BundleOffer, RouteOffer } from '../../protocol/index.ts'
import type { Transport } from '../../transport/index.ts'
import { systemClock } from '../../transport/index.ts'
import { GenerationStore } from '../../tuner/generations/index.ts'
import type { Subscription } from '../../tuner/subscriptions/index.ts'
import { type UpdateContext, updateGenerations } from '../../tuner/updates/index.ts'
import { FaultFileSystem } from '../faults/fault-file-system.ts'
import { MemoryFileSystem } from '../faults/memory-file-system.ts'
import {
  channelId,
  channelUrl,
  makeRelease,
  makeStep,
  type MemoryRelease,
  type Tree,
} from '../support/memory-channel.ts'
import { memoryTransport } from '../support/memory-transport.ts'
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
  const inner = memoryTransport(pages)
  const transport: Transport = {
    ...inner,
    fetchBytes: (url, options) => {
      asked.push(String(url).slice(channelUrl.length))
      return inner.fetchBytes(url, options)
    },
    fetchToSink: (url, options) => {
      asked.push(String(url).slice(channelUrl.length))
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
  return { pages, first, second, third, fs, context, update, offer, asked }
}

t.test(
  '§6: a chain of bundles is applied step by step and only the head is believed',
  async (t) => {
    const { pages, first, second, third, fs, update, offer, asked } = await stage()
    const chain = [await makeStep(first, second, pages), await makeStep(second, third, pages)]
    offer({ chain, wholeBytes: 100_000 })
    const applied = await update(third.head)
    t.equal(applied.fetched?.route.kind, 'bundle')
    t.equal(applied.fetched?.cost.objects, 0, 'no object was fetched')
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
