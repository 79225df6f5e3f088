import pako from 'pako'
import t from 'tap'
import { unpackArchive } from '../../delta/archives/index.ts'
import {
  baseView,
  makeGzip,
  makeTar,
  makeZip,
  noise,
  rebuild,
  roundTrip,
  sampleText,
} from './archives-fixtures.ts'
import { realArchives } from './archives-real.ts'

const text = sampleText(50_000)

t.test('C22: a gzip file of two members is rebuilt bit for bit', async (t) => {
  const bytes = Buffer.from(realArchives.gzipTwoMembers, 'base64')
  const done = roundTrip(bytes)
  t.same(done?.rebuilt, bytes)
  t.equal(done?.unpackedStreams, 2)
  t.same(baseView(bytes), done?.view)
})

t.test('C22: gzip files with names, trailing bytes and wrong trailers are rebuilt', async (t) => {
  const plain = makeGzip(text)
  const wrong = Buffer.from(plain)
  wrong[wrong.length - 6] = (wrong[wrong.length - 6] ?? 0) ^ 1
  const cases: Record<string, Uint8Array> = {
    plain,
    named: makeGzip(text, undefined, 'name.txt'),
    empty: makeGzip(new Uint8Array(0)),
    'zeros behind it': Buffer.concat([plain, new Uint8Array(300)]),
    'noise behind it': Buffer.concat([plain, noise(300)]),
    'half a member behind it': Buffer.concat([plain, plain.subarray(0, 900)]),
    'a wrong checksum': wrong,
  }
  for (const [name, bytes] of Object.entries(cases)) {
    const done = roundTrip(bytes)
    t.same(done?.rebuilt, bytes, name)
    t.ok(baseView(bytes), name)
  }
})

t.test('C22: a truncated gzip file and a foreign deflate have no view', async (t) => {
  t.equal(unpackArchive(makeGzip(text).subarray(0, -9)), undefined)
  const stored = Buffer.concat([Uint8Array.of(1, 5, 0, 250, 255), Buffer.from('hello')])
  t.ok(unpackArchive(makeGzip(Buffer.from('hello'), stored)), 'one stored block is level 0')
  const twice = Buffer.concat([Uint8Array.of(0, 0, 0, 255, 255), stored])
  t.equal(unpackArchive(makeGzip(Buffer.from('hello'), twice)), undefined)
})

t.test('C22: content of several MiB is rebuilt from views in pieces of any size', async (t) => {
  const large = Buffer.concat(Array.from({ length: 6 }, (_, seed) => sampleText(400_000, seed)))
  const bytes = makeGzip(large, pako.deflateRaw(large, { level: 6 }))
  t.same(roundTrip(bytes)?.rebuilt, bytes)
})

t.test('C22: content beyond what is held in memory is rebuilt', async (t) => {
  const large = Buffer.concat([noise(9 * 1024 * 1024), new Uint8Array(8 * 1024 * 1024)])
  const packed = pako.deflateRaw(large, { level: 1 })
  const zip = makeZip([
    { name: 'deflated', content: large, packed },
    { name: 'stored', content: large.subarray(0, 9 * 1024 * 1024), stored: true },
    { name: 'small', content: text },
  ])
  for (const bytes of [zip, makeGzip(large, packed)]) {
    const done = unpackArchive(bytes)
    t.equal(done?.opaqueStreams, 0)
    const rebuilt = done && rebuild(done, bytes.length, 1_000_000)
    t.equal(Buffer.compare(rebuilt ?? noise(1), bytes), 0)
    t.equal(Buffer.compare(baseView(bytes) ?? noise(1), done?.view ?? noise(2)), 0)
  }
})

const inner = {
  zip: makeZip([{ name: 'deep.txt', content: text }]),
  gzip: makeGzip(text),
}

function holdsText(view: Uint8Array | undefined): boolean {
  return view !== undefined && Buffer.from(view).includes(Buffer.from(text))
}

t.test('C22: archives in a tar in a gzip file are unpacked, too', async (t) => {
  const tar = makeTar({
    'readme.txt': Buffer.from('see inside'),
    'inner.zip': inner.zip,
    'second.zip': makeZip([{ name: 'other', content: sampleText(9000, 9), descriptor: true }]),
    'inner.gz': inner.gzip,
    'not.zip': Buffer.concat([Buffer.from('PK\x03\x04'), noise(600)]),
    'last.txt': text.subarray(0, 100),
  })
  const bytes = makeGzip(tar)
  const done = roundTrip(bytes)
  t.same(done?.rebuilt, bytes)
  t.equal(done?.unpackedStreams, 4)
  t.ok(holdsText(done?.view))
  t.same(baseView(bytes), done?.view)
})

t.test('C22: archives in a zip are unpacked, stored or deflated', async (t) => {
  for (const [name, content] of Object.entries(inner)) {
    for (const stored of [true, false]) {
      const outer = [
        { name: 'first', content: sampleText(500, 4) },
        { name, content, stored },
        { name: 'last', content: sampleText(500, 5) },
      ]
      const bytes = makeZip(outer)
      const done = roundTrip(bytes)
      t.same(done?.rebuilt, bytes, name)
      t.ok(holdsText(done?.view), name)
      t.same(baseView(bytes), done?.view, name)
    }
  }
})

t.test('C22: below one level archives stay packed', async (t) => {
  const middle = makeZip([{ name: 'inner.zip', content: inner.zip }])
  const bytes = makeZip([{ name: 'middle.zip', content: middle }])
  const done = roundTrip(bytes)
  t.same(done?.rebuilt, bytes)
  t.equal(done?.unpackedStreams, 2)
  t.notOk(holdsText(done?.view))
})
