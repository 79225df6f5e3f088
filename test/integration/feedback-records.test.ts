import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import type { ChannelName, Digest } from '../../protocol/index.ts'
import { digestOf } from '../../protocol/index.ts'
import { openServerRecords } from '../../store/server-records/index.ts'
import { commitOf, news, weather } from '../contract/server-records.ts'

const base = await mkdtemp(path.join(os.tmpdir(), 'lw-feedback-'))
t.teardown(() => rm(base, { recursive: true, force: true }))
let count = 0

async function open() {
  const records = await openServerRecords({ url: `sqlite:${path.join(base, `${++count}.db`)}` })
  for (const name of [news, weather]) await records.releases.commit(commitOf(name, 1, ['a']))
  return records
}

const one = digestOf('one')
const two = digestOf('two')
const epochs = ['a', 'b', 'c'].map((letter) => letter.repeat(32))

function batch(options: {
  readonly from: number
  readonly to: number
  readonly tuner?: Digest
  readonly epoch?: string
  readonly channel?: ChannelName
  readonly isForPlugin?: boolean
  readonly salt?: number
}) {
  const { from, to, tuner = one, epoch = epochs[0] ?? '', channel = news } = options
  return {
    channel,
    tuner,
    epoch,
    isForPlugin: options.isForPlugin ?? true,
    atMs: 5,
    entries: Array.from({ length: to - from + 1 }, (_, at) => ({
      sequence: from + at,
      nonce: ((options.salt ?? 0) * 1000 + from + at).toString(16).padStart(16, '0'),
      appendedAtMs: 1,
      type: 'text/plain',
      data: Buffer.from(`${from + at}`),
    })),
  }
}

t.test(
  'C49: entries are stored once, without gaps, and copies of a disk are told apart',
  async (t) => {
    await using records = await open()
    const { feedback } = records
    const outcomes = await feedback.append([
      batch({ from: 1, to: 3 }),
      batch({ from: 2, to: 5 }),
      batch({ from: 7, to: 8 }),
      batch({ from: 1, to: 2, tuner: two }),
      batch({ from: 1, to: 2, channel: weather }),
      batch({ from: 4, to: 6, salt: 1 }),
    ])
    t.same(outcomes, [
      { outcome: 'stored', sequence: 3, isFirstOwed: true },
      { outcome: 'stored', sequence: 5 },
      { outcome: 'gap', sequence: 5 },
      { outcome: 'stored', sequence: 2, isFirstOwed: true },
      { outcome: 'stored', sequence: 2, isFirstOwed: true },
      { outcome: 'cloned', sequence: 3 },
    ])
    t.same(await feedback.append([batch({ from: 2, to: 6, salt: 0 })]), [
      { outcome: 'stored', sequence: 6 },
    ])
    const log = await feedback.list(news, { after: 0, countMax: 100 })
    t.same(
      log.map(({ position, tuner, sequence }) => [position, tuner === one, sequence]),
      [
        [1, true, 1],
        [2, true, 2],
        [3, true, 3],
        [4, true, 4],
        [5, true, 5],
        [6, false, 1],
        [7, false, 2],
        [8, true, 6],
      ],
    )
    t.equal((await feedback.list(news, { after: 7, countMax: 100 })).length, 1)
  },
)

t.test('C49: epochs that alternate are a copied disk; an old repetition is none', async (t) => {
  await using records = await open()
  const { feedback } = records
  const [a = '', b = ''] = epochs
  const append = async (more: Parameters<typeof batch>[0]) =>
    (await feedback.append([batch(more)]))[0]
  t.same(await append({ from: 1, to: 2, epoch: a }), {
    outcome: 'stored',
    sequence: 2,
    isFirstOwed: true,
  })
  t.same(await append({ from: 2, to: 2, epoch: b }), { outcome: 'gap', sequence: 0 })
  t.same(await append({ from: 1, to: 1, epoch: b }), { outcome: 'stored', sequence: 1 })
  t.same(await append({ from: 1, to: 2, epoch: a }), { outcome: 'stored', sequence: 2 })
  t.same(await append({ from: 3, to: 3, epoch: a }), { outcome: 'cloned', sequence: 2 })
  t.same(await append({ from: 2, to: 2, epoch: b }), { outcome: 'stored', sequence: 2 })
})

t.test('C51: what a plug-in is owed is known, and nothing while there is none', async (t) => {
  await using records = await open()
  const { feedback } = records
  await feedback.append([batch({ from: 1, to: 2, isForPlugin: false })])
  t.match(await feedback.counts(news), { entries: 2, undelivered: 0 })
  await feedback.append([batch({ from: 3, to: 4 }), batch({ from: 1, to: 1, tuner: two })])
  t.match(await feedback.counts(news), { entries: 5, undelivered: 3 })
  const owed = await feedback.undelivered(news, { countMax: 10 })
  t.same(
    owed.map(({ sequence }) => sequence),
    [3, 4, 1],
  )
  const ofTwo = await feedback.undelivered(news, { tuners: [two], countMax: 10 })
  t.equal(ofTwo.length, 1)
  const mark = { channel: news, tuner: one, epoch: epochs[0] ?? '' }
  await feedback.setDelivered([
    { ...mark, sequence: 4 },
    { ...mark, sequence: 3 },
  ])
  t.match(await feedback.counts(news), { entries: 5, undelivered: 1 })
  t.same(await feedback.counts(weather), { entries: 0, undelivered: 0, bytes: 0 })
})

t.test('C53: a tuner’s overlay grows in number, and only this tuner has its files', async (t) => {
  await using records = await open()
  const { overlays } = records
  const overlay = (serial: number, ...texts: readonly string[]) => ({
    tuner: one,
    release: 1,
    serial,
    statement: `statement ${serial}`,
    signature: 's',
    atMs: 1,
    files: texts.map((text) => ({ digest: digestOf(text), bytes: Buffer.from(text) })),
  })
  t.equal(await overlays.replace(news, overlay(1, 'x', 'y')), true)
  t.equal(await overlays.replace(news, overlay(1, 'z')), false)
  t.equal(Buffer.from((await overlays.file(news, one, digestOf('x'))) ?? []).toString(), 'x')
  t.equal(await overlays.file(news, two, digestOf('x')), undefined)
  t.equal(await overlays.file(weather, one, digestOf('x')), undefined)
  t.equal(await overlays.replace(news, { ...overlay(1, 'x'), tuner: two }), true)
  t.equal(await overlays.replace(news, overlay(2, 'y')), true)
  t.equal(await overlays.file(news, one, digestOf('x')), undefined)
  t.ok(await overlays.file(news, two, digestOf('x')), 'a shared file stays for the other')
  t.match(await overlays.find(news, one), { serial: 2, statement: 'statement 2' })
})

t.test('S68: a log takes no more than its bytes, and leaves a rest to known streams', async (t) => {
  await using records = await open()
  const { feedback } = records
  // An entry counts 256 and its data, one byte here.
  const bounds = { bytesMax: 3 * 257, newStreamBytesMax: 2 * 257 }
  const append = async (more: Parameters<typeof batch>[0]) =>
    (await feedback.append([batch(more)], bounds))[0]?.outcome
  t.equal(await append({ from: 1, to: 2 }), 'stored')
  t.equal(await append({ from: 1, to: 1, tuner: two }), 'full', 'a new stream')
  t.equal(await append({ from: 3, to: 3 }), 'stored', 'a known one')
  t.equal(await append({ from: 4, to: 4 }), 'full')
  t.equal(await append({ from: 1, to: 3 }), 'stored', 'what is there already needs no room')
  t.same(await feedback.counts(news), { entries: 3, undelivered: 3, bytes: 3 * 257 })
})
