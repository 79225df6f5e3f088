import fc from 'fast-check'
import t from 'tap'
import {
  comparePaths,
  digestOf,
  type Entry,
  type EntryPath,
  emptyDigest,
  manifestId,
  parseChannelName,
  parseManifest,
} from '../../protocol/index.ts'
import { parseRepeater } from '../../publisher/index.ts'
import {
  attributesOf,
  compareEntries,
  nextAttributes,
  planRelease,
  sameButTime,
} from '../../publisher/plan/index.ts'
import { multipartBody, partOverhead, isCompressible } from '../../publisher/upload/index.ts'

const keys = { ticketKey: 'ticket', overlayKey: 'overlay' }

function file(path: string, text: string, more: Partial<Entry> = {}): Entry {
  return {
    type: 'file',
    path: path as EntryPath,
    size: text.length,
    sha256: digestOf(text),
    mode: '0644',
    mime: 'text/plain',
    ...more,
  } as Entry
}

function plan(more: Partial<Parameters<typeof planRelease>[0]> = {}) {
  return planRelease({
    channelId: emptyDigest,
    name: parseChannelName('site'),
    previous: undefined,
    entries: [file('a', 'one'), file('b', 'two')],
    attributes: { kind: 'files' },
    label: undefined,
    release: 1,
    nowMs: Date.parse('2026-01-02T03:04:05.678Z'),
    ...more,
  })
}

t.test(
  'C20: attributes that are not given keep their value, none clears, others change',
  async (t) => {
    const first = nextAttributes(
      undefined,
      { title: 'T', schedule: 'hourly', trusted: true, kind: 'html', main: 'index.html' },
      keys,
    )
    t.strictSame(first, {
      kind: 'html',
      title: 'T',
      schedule: 'hourly',
      main: 'index.html',
      requires: ['trusted'],
    })
    t.strictSame(nextAttributes(first, {}, keys), first)
    t.strictSame(nextAttributes(first, { title: 'none', kind: 'none', trusted: false }, keys), {
      kind: 'files',
      schedule: 'hourly',
      main: 'index.html',
    })
  },
)

t.test('C60: repeaters and their assignment', async (t) => {
  const repeaters = ['http://a=+01:00', 'http://b/x=-05:30'].map(parseRepeater)
  t.strictSame(repeaters[1], { url: 'http://b/x', zone: '-05:30' })
  const zoned = nextAttributes(undefined, { repeaters }, keys)
  t.equal(zoned.repeaters?.assignment, 'time-zone')
  const plain = nextAttributes(
    zoned,
    { repeaters: [parseRepeater('http://c')], assignment: 'round-robin' },
    keys,
  )
  t.strictSame(plain.repeaters, { assignment: 'round-robin', members: [{ url: 'http://c' }] })
  t.notOk(nextAttributes(plain, { repeaters: 'none' }, keys).repeaters)
  t.throws(() => nextAttributes(undefined, { assignment: 'round-robin' }, keys), {
    code: 'LW_PUBLISH_ATTRIBUTE',
  })
})

t.test(
  'C25: a closed channel signs the key of its tickets; the static form cannot close',
  async (t) => {
    t.match(nextAttributes(undefined, { access: 'closed' }, keys), { ticketKey: 'ticket' })
    t.notOk(nextAttributes(undefined, { access: 'open' }, keys).ticketKey)
    t.throws(() => nextAttributes(undefined, { access: 'closed' }, undefined), {
      code: 'LW_PUBLISH_ATTRIBUTE',
    })
    t.match(nextAttributes(undefined, { pluginPaths: ['for-you'] }, keys), {
      plugin: { key: 'overlay', paths: ['for-you'] },
    })
  },
)

t.test('C41: the plan is the exact manifest, and says when there is nothing new', async (t) => {
  const first = plan({ label: '1.0' })
  t.equal(first.id, manifestId(first.bytes))
  t.strictSame(parseManifest(first.bytes).published, '2026-01-02T03:04:05Z')
  t.match(first, { nothingNew: false, changes: { added: 2, newObjects: 2, newObjectBytes: 6 } })
  const previous = first.manifest
  const attributes = attributesOf(previous)
  const next = { previous, attributes, release: 2, nowMs: Date.parse('2027-01-01T00:00:00Z') }
  t.match(plan(next), { nothingNew: true, attributesChanged: false })
  t.match(plan({ ...next, label: '1.0' }), { nothingNew: true })
  t.match(plan({ ...next, label: '1.1' }), { nothingNew: false, attributesChanged: true })
  t.notOk(plan(next).manifest.label, 'a label belongs to one release')
  t.match(plan({ ...next, attributes: { kind: 'html' } }), { nothingNew: false })
  const entries = [file('a', 'one', { mode: '0755' }), file('b', 'two')]
  t.match(plan({ ...next, entries }), { nothingNew: false, changes: { changed: 1, newObjects: 0 } })
  t.ok(sameButTime(plan(next).manifest, plan({ ...next, nowMs: 0 }).manifest))
  t.notOk(sameButTime(plan(next).manifest, plan({ ...next, entries }).manifest))
})

t.test('C41: changes are counted by path, objects by content', async (t) => {
  const path = fc.constantFrom('a', 'b', 'c/d', 'c/e', 'z')
  const tree = fc.uniqueArray(fc.tuple(path, fc.constantFrom('x', 'yy', 'zzz')), {
    selector: ([name]) => name,
  })
  await fc.assert(
    fc.asyncProperty(tree, tree, async (before, after) => {
      const sorted = (files: readonly (readonly [string, string])[]) =>
        files.map(([name, text]) => file(name, text)).sort((a, b) => comparePaths(a.path, b.path))
      const result = compareEntries(sorted(before), sorted(after))
      const old = new Map(before)
      const texts = new Set(before.map(([, text]) => text))
      const fresh = new Set(after.map(([, text]) => text).filter((text) => !texts.has(text)))
      t.strictSame(
        [result.added, result.changed, result.removed, result.newObjects],
        [
          after.filter(([name]) => !old.has(name)).length,
          after.filter(([name, text]) => old.has(name) && old.get(name) !== text).length,
          before.filter(([name]) => !after.some(([other]) => other === name)).length,
          fresh.size,
        ],
      )
    }),
    { numRuns: 50 },
  )
})

t.test('S61: a multipart body has exactly the bytes that it announces', async (t) => {
  const parts = fc.array(fc.uint8Array({ maxLength: 200_000 }), { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(parts, async (contents) => {
      const body = multipartBody(
        contents.map((bytes, index) => ({
          name: `object:${index}`,
          bytes: bytes.byteLength,
          content: () => [bytes.subarray(0, 10), bytes.subarray(10)],
        })),
        'b'.repeat(40),
      )
      const pieces: Uint8Array[] = []
      for await (const piece of body.body()) pieces.push(piece)
      const whole = Buffer.concat(pieces)
      t.equal(whole.byteLength, body.contentBytes)
      let rest = whole
      for (const [index, bytes] of contents.entries()) {
        const head = rest.indexOf('\r\n\r\n') + 4
        t.ok(rest.subarray(0, head).includes(`name="object:${index}"`))
        t.ok(rest.subarray(head, head + bytes.byteLength).equals(bytes))
        t.equal(head + 2, partOverhead(`object:${index}`))
        rest = rest.subarray(head + bytes.byteLength + 2)
      }
      t.equal(rest.toString(), `--${'b'.repeat(40)}--\r\n`)
    }),
    { numRuns: 20 },
  )
  const unknown = multipartBody([{ name: 'x', bytes: undefined, content: () => [] }], 'b')
  t.equal(unknown.contentBytes, undefined)
})

t.test('C46: what is packed already is not packed again', async (t) => {
  for (const mime of ['image/png', 'video/mp4', 'application/zip', 'font/woff2']) {
    t.notOk(isCompressible(mime), mime)
  }
  for (const mime of ['text/html', 'image/svg+xml', 'application/octet-stream']) {
    t.ok(isCompressible(mime), mime)
  }
})

t.test('C83: a main that names no file of the directory is refused with the way out', async (t) => {
  const attributes = { kind: 'application' as const, main: 'nope.mjs' }
  t.throws(() => plan({ attributes }), {
    code: 'LW_PUBLISH_ATTRIBUTE',
    detail: /"nope\.mjs"/,
    next: /--main none/,
  })
  t.equal(plan({ attributes: { ...attributes, main: 'a' } }).manifest.main, 'a')
  t.equal(plan().manifest.main, undefined)
})
