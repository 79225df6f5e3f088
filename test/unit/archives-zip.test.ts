import pako from 'pako'
import t from 'tap'
import { OldEntries, unpackArchive } from '../../delta/archives/index.ts'
import { baseView, makeZip, noise, rebuild, roundTrip, sampleText } from './archives-fixtures.ts'
import { realArchives } from './archives-real.ts'

const text = sampleText(5000)

function count(view: Uint8Array, needle: string): number {
  return Buffer.from(view).toString('latin1').split(needle).length - 1
}

t.test('C22: archives of zip, jar and Python are rebuilt bit for bit', async (t) => {
  for (const name of ['infoZip', 'jar', 'pythonZip64', 'pythonStreamed'] as const) {
    const bytes = Buffer.from(realArchives[name], 'base64')
    const done = roundTrip(bytes)
    t.ok(done, name)
    t.same(done?.rebuilt, bytes, name)
    t.ok((done?.recipe.length ?? 99) <= 5, name)
    t.same(baseView(bytes), done?.view, `${name}: both sides make the same view`)
  }
})

t.test('C22: the view holds content unpacked and nothing that follows from it', async (t) => {
  const entries = [
    { name: 'a/one.txt', content: text },
    { name: 'a/two.txt', content: sampleText(3000, 2) },
  ]
  const done = roundTrip(makeZip(entries))
  t.ok(Buffer.from(done?.view ?? []).includes(Buffer.from(text)))
  t.equal(count(done?.view ?? text, 'a/one.txt'), 1, 'the name is there once')
  t.ok((done?.view.length ?? 0) < 8000 + 2 * 80)
})

t.test('C22: one changed byte of content changes one byte of the view', async (t) => {
  const entries = ['x', 'y', 'z'].map((name, index) => ({
    name,
    content: sampleText(4000, index),
    descriptor: index === 1,
  }))
  const before = roundTrip(makeZip(entries))?.view ?? new Uint8Array(0)
  const first = entries[0] as (typeof entries)[number]
  const content = Uint8Array.from(first.content)
  content[1234] = 33
  const after = roundTrip(makeZip([{ ...first, content }, ...entries.slice(1)]))?.view
  t.equal(after?.length, before.length)
  t.equal(after?.filter((byte, index) => byte !== before[index]).length, 1)
})

const unusual: Record<string, () => Uint8Array> = {
  'stored entries': () =>
    makeZip([
      { name: 's', content: text, stored: true },
      { name: 'd', content: text },
    ]),
  'data descriptors': () => makeZip([{ name: 'd', content: text, descriptor: true }]),
  zip64: () => makeZip([{ name: 'd', content: text }], { zip64: true }),
  'a comment': () => makeZip([{ name: 'd', content: text }], { comment: 'PK\x05\x06 hello' }),
  'a program before it': () => makeZip([{ name: 'd', content: text }], { prefix: noise(3000) }),
  'a directory in another order': () =>
    makeZip(
      [
        { name: 'd', content: text },
        { name: 'e', content: text },
      ],
      {
        reverseDirectory: true,
      },
    ),
  'bytes behind it': () => Buffer.concat([makeZip([{ name: 'd', content: text }]), noise(77)]),
  'an encrypted entry': () =>
    makeZip([
      { name: 'd', content: text },
      { name: 'e', content: text, packed: noise(500), encrypted: true },
    ]),
  'a wrong checksum': () => makeZip([{ name: 'd', content: text, crc: 7 }]),
  'a damaged stream': () =>
    makeZip([
      { name: 'd', content: text },
      { name: 'e', content: text, packed: noise(900) },
    ]),
  'empty entries': () =>
    makeZip([
      { name: 'empty/', content: new Uint8Array(0), stored: true },
      { name: 'empty', content: new Uint8Array(0) },
      { name: 'd', content: text, extra: Uint8Array.of(1, 2, 0, 0) },
    ]),
  'different times': () =>
    makeZip([
      { name: 'd', content: text, time: 1 },
      { name: 'e', content: text, time: 1 },
      { name: 'f', content: text, time: 2 },
    ]),
}

for (const [name, make] of Object.entries(unusual)) {
  t.test(`C22: a zip with ${name} is rebuilt bit for bit`, async (t) => {
    const bytes = make()
    const done = roundTrip(bytes)
    t.same(done?.rebuilt, bytes)
    t.ok(baseView(bytes))
  })
}

t.test('C22: streams of different settings in one archive are re-created', async (t) => {
  const entries = Array.from({ length: 12 }, (_, index) => ({
    name: `entry${index}`,
    content: sampleText(30_000, index),
    packed: pako.deflateRaw(sampleText(30_000, index), {
      level: index % 5 === 3 ? 9 : 6,
      memLevel: index % 4 === 2 ? 9 : 8,
      strategy: index === 7 ? 2 : 0,
      windowBits: index === 8 ? 13 : 15,
    }),
  }))
  const bytes = makeZip(entries)
  const done = roundTrip(bytes)
  t.same(done?.rebuilt, bytes)
  t.equal(done?.unpackedStreams, 12)
  t.equal(done?.opaqueStreams, 0)
})

t.test('C22: a stream that no settings re-create stays packed beside others', async (t) => {
  const content = sampleText(20_000)
  const blocks = Buffer.concat([
    Uint8Array.of(0, 0x10, 0x27, 0xef, 0xd8),
    content.subarray(0, 10_000),
    Uint8Array.of(1, 0x10, 0x27, 0xef, 0xd8),
    content.subarray(10_000),
  ])
  const odd = { name: 'odd', content, packed: blocks }
  const bytes = makeZip([odd, { name: 'usual', content: text }])
  const done = roundTrip(bytes)
  t.same(done?.rebuilt, bytes)
  t.equal(done?.unpackedStreams, 1)
  t.equal(done?.opaqueStreams, 1)
  t.equal(unpackArchive(makeZip([odd])), undefined, 'alone it is not worth a view')
})

t.test('C22: what is no archive, or holds nothing to unpack, has no view', async (t) => {
  const whole = makeZip([{ name: 'd', content: text }])
  const none: Record<string, Uint8Array> = {
    nothing: new Uint8Array(0),
    'a few bytes': Buffer.from('PK'),
    text,
    noise: noise(70_000),
    'an empty zip': makeZip([]),
    'only stored entries': makeZip([{ name: 's', content: text, stored: true }]),
    'only encrypted entries': Buffer.from(realArchives.encrypted, 'base64'),
    'a truncated zip': whole.subarray(0, whole.length - 30),
    'a zip without its start': whole.subarray(10),
  }
  for (const [name, bytes] of Object.entries(none)) {
    t.equal(unpackArchive(bytes), undefined, name)
    t.equal(baseView(bytes), undefined, `${name}, old side`)
  }
})

t.test('C22: a view that would pass the limit is not made', async (t) => {
  const bytes = makeZip([{ name: 'zeros', content: new Uint8Array(1_000_000) }])
  t.ok(unpackArchive(bytes, { viewBytesMax: 1_000_100 }))
  t.equal(unpackArchive(bytes, { viewBytesMax: 1_000_000 }), undefined)
})

t.test('C22: entries that the old archive has just so stay packed, in runs', async (t) => {
  const entries = Array.from({ length: 30 }, (_, i) => ({
    name: `${i}/file.txt`,
    content: sampleText(900 + i, i),
    descriptor: i % 3 === 0,
  }))
  const old = new OldEntries()
  old.add(makeZip([{ name: 'first', content: text }, ...entries]))
  const changed = entries.map((entry, i) =>
    i === 12 ? { ...entry, content: sampleText(901 + i, 77) } : entry,
  )
  for (const options of [{}, { comment: 'end' }, { reverseDirectory: true }]) {
    const bytes = makeZip(
      [...changed.slice(0, 20), { name: 'new', content: text }, ...changed.slice(20)],
      options,
    )
    const unpacked = unpackArchive(bytes, {}, old)
    t.equal(unpacked?.unpackedStreams, 2, 'the changed one and the new one')
    t.same(unpacked === undefined ? undefined : rebuild(unpacked, bytes.length, 7), bytes)
  }
  const same = makeZip(entries)
  t.equal(unpackArchive(same, {}, old), undefined, 'nothing is unpacked when nothing changed')
})
