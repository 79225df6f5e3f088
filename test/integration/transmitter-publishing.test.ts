import { readdirSync } from 'node:fs'
import path from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import t from 'tap'
import { encodeGdiff } from '../../delta/gdiff/index.ts'
import { digestOf } from '../../protocol/index.ts'
import { generateKeyPair } from '../../trust/index.ts'
import { closeOf, rawConnection } from '../support/raw-http.ts'
import {
  type Answer,
  noise,
  RawPublisher,
  startTransmitter,
  type TransmitterStage,
} from '../support/transmitter-stage.ts'

t.setTimeout(120_000)

function codeOf(answer: Answer): string {
  return (answer.body as { readonly code?: string }).code ?? ''
}

t.test('C41: nothing is visible before the commit, everything after it', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.makeRoot()
  const draft = publisher.draft({ 'a.txt': 'one', 'b/c.txt': 'two' })
  const begun = await publisher.begin(draft)
  t.equal(begun.status, 200)
  t.equal(begun.body.missing.length, 2)
  const early = await publisher.commit(begun.body.upload, publisher.commitRequest(draft))
  t.equal(codeOf(early), 'LW_TRANSMIT_INCOMPLETE')
  t.equal((await publisher.sendMissing(draft, begun.body)).status, 200)
  const [object] = draft.contents.keys()
  t.equal((await publisher.call('')).status, 404)
  t.equal((await publisher.call(`/objects/${object}`)).status, 404)
  const done = await publisher.commit(begun.body.upload, publisher.commitRequest(draft))
  t.match(done.body, { release: 1, targetsVersion: 1, rootVersion: 1, repeated: false })
  t.equal(await publisher.headRelease(), 1)
  t.equal((await publisher.call(`/objects/${object}`)).status, 200)
})

t.test(
  'C41: a commit that is repeated gives its first result, also after the next one',
  async (t) => {
    const publisher = new RawPublisher(await startTransmitter(t), 'site')
    await publisher.publish({ a: 'one' })
    const draft = publisher.draft({ a: 'two' })
    const { upload, ...state } = (await publisher.begin(draft)).body
    await publisher.sendMissing(draft, { upload, ...state })
    const request = publisher.commitRequest(draft)
    const [first, second] = await Promise.all([
      publisher.commit(upload, request),
      publisher.commit(upload, request),
    ])
    t.same([first.body.repeated, second.body.repeated].sort(), [false, true])
    t.same({ ...second.body, repeated: false }, { ...first.body, repeated: false })
    publisher.settle(draft)
    await publisher.publish({ a: 'three' })
    const late = await publisher.commit(upload, request)
    t.match(late.body, { release: 2, targetsVersion: 2, repeated: true })
  },
)

t.test('S63: without a token that fits nothing is answered, and nothing is told', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  for (const token of ['', 'x', `${stage.token}x`, stage.token.slice(0, -1), 'lwp_', 'é']) {
    const response = await fetch(`${stage.url}/site/releases`, {
      headers: token === '' ? {} : { authorization: `Bearer ${encodeURIComponent(token)}` },
    })
    t.equal(response.status, 401, token)
    t.ok(response.headers.get('www-authenticate'))
    t.equal(response.headers.get('cache-control'), 'no-store')
  }
  publisher.token = 'wrong'
  const routes: readonly (readonly [string, string])[] = [
    ['GET', '/releases'],
    ['POST', '/releases'],
    ['GET', '/releases/x'],
    ['DELETE', '/releases/x'],
    ['POST', '/releases/x/objects'],
    ['POST', '/releases/x/commit'],
    ['GET', `/objects/${'0'.repeat(64)}/signature?block=1024`],
  ]
  for (const [method, route] of routes) {
    t.equal((await publisher.call(route, { method })).status, 401, `${method} ${route}`)
  }
})

t.test('S28: a token alone publishes nothing: signatures decide', async (t) => {
  const stage = await startTransmitter(t)
  const owner = new RawPublisher(stage, 'site')
  await owner.publish({ a: 'one' })
  const thief = new RawPublisher(stage, 'site')
  thief.roots = owner.roots
  thief.release = 1
  thief.targetsVersion = 1
  const draft = thief.draft({ a: 'stolen' })
  const begun = await thief.begin(draft)
  await thief.sendMissing(draft, begun.body)
  const refused = await thief.commit(begun.body.upload, thief.commitRequest(draft))
  t.equal(codeOf(refused), 'LW_TRUST_SIGNATURE')
  t.equal(await owner.headRelease(), 1)
})

t.test('C45: a name belongs to its first channel for ever', async (t) => {
  const stage = await startTransmitter(t)
  const owner = new RawPublisher(stage, 'site')
  const other = new RawPublisher(stage, 'site')
  await Promise.all([owner.makeRoot(), other.makeRoot()])
  const late = other.draft({ a: 'mine' })
  const begun = await other.begin(late)
  await other.sendMissing(late, begun.body)
  await owner.publish({ a: 'one' })
  const committed = await other.commit(begun.body.upload, other.commitRequest(late))
  t.equal(codeOf(committed), 'LW_TRANSMIT_NAME_TAKEN')
  t.equal(codeOf(await other.begin(other.draft({ a: 'again' }))), 'LW_TRANSMIT_NAME_TAKEN')

  await owner.publish({ a: 'one' }, { ended: true })
  t.match((await owner.state()).body, { state: 'ended', release: 2 })
  t.equal(codeOf(await owner.begin(owner.draft({ a: 'more' }))), 'LW_TRANSMIT_ENDED')
  t.equal(codeOf(await other.begin(other.draft({ a: 'more' }))), 'LW_TRANSMIT_NAME_TAKEN')
  t.equal((await owner.call('/trust/timestamp.json')).status, 200)
})

t.test(
  'S12: roots are committed with the head’s own manifest, with or without targets',
  async (t) => {
    const publisher = new RawPublisher(await startTransmitter(t), 'site')
    await publisher.publish({ a: 'one' })
    const head = publisher.last
    if (head === undefined) throw new Error('no head')
    const before = await publisher.call('/trust/timestamp.json')

    const alone = publisher.rotate({ recoveryKeys: [publisher.recovery, generateKeyPair()] })
    const begun = await publisher.begin(head)
    t.equal(begun.body.missing.length, 0)
    const request = { replaces: 1, roots: [Buffer.from(alone).toString()] }
    const done = await publisher.commit(begun.body.upload, request)
    t.match(done.body, { release: 1, targetsVersion: 1, rootVersion: 2, repeated: false })
    const again = await publisher.commit(begun.body.upload, request)
    t.match(again.body, { release: 1, targetsVersion: 1, rootVersion: 2, repeated: true })
    publisher.roots.push(alone)
    const after = await publisher.call('/trust/timestamp.json')
    t.not(after.headers.get('etag'), before.headers.get('etag'), 'signed anew')

    const nothing = await publisher.commit(begun.body.upload, { replaces: 1, roots: [] })
    t.equal(codeOf(nothing), 'LW_TRANSMIT_NOTHING')
    await publisher.publish({ a: 'two' })
    t.match((await publisher.state()).body, { release: 2, targetsVersion: 2, rootVersion: 2 })
  },
)

t.test(
  'C41: objects, pieces, differences, each also compressed, end as the same bytes',
  async (t) => {
    const publisher = new RawPublisher(await startTransmitter(t), 'site')
    const old = noise(300_000)
    await publisher.publish({ old })
    const changed = Buffer.concat([
      old.subarray(0, 150_000),
      Buffer.from('news'),
      old.subarray(150_000),
    ])
    const contents = {
      old: changed,
      whole: 'w'.repeat(5000),
      packed: 'p'.repeat(70_000),
      large: Buffer.alloc(3_000_000, 'lorem ipsum '),
      pieces: noise(2_500_000),
      packedPieces: Buffer.alloc(2_000_000, 'dolor sit amet '),
      empty: '',
    }
    const draft = publisher.draft(contents)
    const { upload, missing } = (await publisher.begin(draft)).body
    const sha = (name: keyof typeof contents): string => digestOf(contents[name])
    t.match(
      missing.find((row) => row.sha256 === sha('old')),
      { bases: [{ sha256: digestOf(old), size: old.byteLength }] },
    )
    const gdiff = encodeGdiff(old, changed)
    const sent = await publisher.send(upload, [
      {
        name: { kind: 'gdiff', sha256: sha('old'), base: digestOf(old), coding: 'br' },
        bytes: brotliCompressSync(gdiff),
      },
      { name: { kind: 'object', sha256: sha('whole') }, bytes: Buffer.from(contents.whole) },
      {
        name: { kind: 'object', sha256: sha('packed'), coding: 'br' },
        bytes: brotliCompressSync(contents.packed),
      },
      {
        name: { kind: 'object', sha256: sha('large'), coding: 'br' },
        bytes: brotliCompressSync(contents.large),
      },
      { name: { kind: 'object', sha256: sha('empty') }, bytes: Buffer.alloc(0) },
      {
        name: { kind: 'segment', sha256: sha('pieces'), offset: 0 },
        bytes: contents.pieces.subarray(0, 1_000_000),
      },
    ])
    t.match(sent.body, { stored: 5, missing: 2 })
    const resumed = (
      await publisher.call<{ missing: { sha256: string; received: number }[] }>(
        `/releases/${upload}`,
      )
    ).body
    t.equal(resumed.missing.find((row) => row.sha256 === sha('pieces'))?.received, 1_000_000)
    const gap = await publisher.send(upload, [
      {
        name: { kind: 'segment', sha256: sha('pieces'), offset: 5 },
        bytes: contents.pieces.subarray(5, 10),
      },
    ])
    t.equal(codeOf(gap), 'LW_STORE_PARTIAL')
    const rest = await publisher.send(upload, [
      {
        name: { kind: 'segment', sha256: sha('pieces'), offset: 1_000_000 },
        bytes: contents.pieces.subarray(1_000_000),
      },
      {
        name: { kind: 'segment', sha256: sha('packedPieces'), offset: 0, coding: 'br' },
        bytes: brotliCompressSync(contents.packedPieces),
      },
    ])
    t.match(rest.body, { stored: 2, missing: 0 })
    t.equal((await publisher.commit(upload, publisher.commitRequest(draft))).status, 200)
    for (const [name, content] of Object.entries(contents)) {
      const response = await fetch(`${publisher.url}/site/objects/${digestOf(content)}`)
      t.ok(Buffer.from(await response.arrayBuffer()).equals(Buffer.from(content)), name)
    }
  },
)

t.test('DESIGN 5: having a hash grants nothing: who claims an object must send it', async (t) => {
  const stage = await startTransmitter(t)
  const owner = new RawPublisher(stage, 'secret')
  const small = noise(1000)
  const large = noise(1_500_000)
  await owner.publish({ small, large })
  const thief = new RawPublisher(stage, 'thief')
  await thief.publish({ base: noise(1_500_000) })
  const draft = thief.draft({ small, large })
  const { upload, missing } = (await thief.begin(draft)).body
  t.equal(missing.length, 2, 'what another channel holds counts as missing')
  const s = digestOf(small)
  const l = digestOf(large)
  const wrong = noise(large.byteLength)
  const base = [...(thief.last?.contents.keys() ?? [])][0] ?? ''
  const difference = encodeGdiff(new Uint8Array(), wrong)
  const attempts = [
    [{ name: { kind: 'object', sha256: s }, bytes: noise(1000) }],
    [{ name: { kind: 'object', sha256: s }, bytes: new Uint8Array() }],
    [{ name: { kind: 'object', sha256: l }, bytes: wrong }],
    [{ name: { kind: 'object', sha256: l }, bytes: new Uint8Array() }],
    [{ name: { kind: 'segment', sha256: l, offset: 0 }, bytes: wrong }],
    [{ name: { kind: 'gdiff', sha256: l, base }, bytes: difference }],
    [{ name: { kind: 'gdiff', sha256: l, base: l }, bytes: difference }],
  ] as const
  for (const parts of attempts) {
    const answer = await thief.send(upload, parts)
    t.ok(answer.status >= 400 && answer.status < 500, `${parts[0].name.kind} ${answer.status}`)
  }
  const state = await thief.call<{ missing: unknown[] }>(`/releases/${upload}`)
  t.equal(state.body.missing.length, 2)
  t.equal((await thief.call(`/objects/${l}`)).status, 404)
  const honest = await thief.send(upload, [
    { name: { kind: 'object', sha256: s }, bytes: small },
    { name: { kind: 'object', sha256: l }, bytes: large },
  ])
  t.match(honest.body, { stored: 2, missing: 0 })
})

t.test('C41: an upload goes on with what an earlier one delivered', async (t) => {
  const publisher = new RawPublisher(await startTransmitter(t), 'site')
  await publisher.makeRoot()
  const first = publisher.draft({ a: 'one', b: 'two' })
  const begun = (await publisher.begin(first)).body
  t.equal(
    (await publisher.begin(first)).body.upload,
    begun.upload,
    'the same manifest, the same upload',
  )
  await publisher.sendMissing(first, begun)
  const second = publisher.draft({ a: 'one', b: 'two', c: 'three' })
  t.equal((await publisher.begin(second)).body.missing.length, 3)
  const on = await publisher.begin(second, `?continues=${begun.upload}`)
  t.same(
    on.body.missing.map((row) => row.sha256),
    [digestOf('three')],
  )
  t.equal((await publisher.begin(second, '?continues=nobody')).status, 200)
  t.equal((await publisher.call(`/releases/${on.body.upload}`, { method: 'DELETE' })).status, 204)
  t.equal((await publisher.call(`/releases/${on.body.upload}`)).status, 404)
})

t.test('C41: uploads of one channel are not reached through another', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.makeRoot()
  const { upload } = (await publisher.begin(publisher.draft({ a: 'one' }))).body
  const other = new RawPublisher(stage, 'other')
  t.equal((await other.call(`/releases/${upload}`)).status, 404)
  t.equal((await other.call(`/releases/${upload}`, { method: 'DELETE' })).status, 404)
  t.equal((await publisher.call(`/releases/${upload}`)).status, 200)
})

/** Files that a request may have left under way. */
function leftovers({ directory }: TransmitterStage): readonly string[] {
  return ['incoming', 'making'].flatMap((folder) => {
    try {
      return readdirSync(path.join(directory, folder))
    } catch {
      return []
    }
  })
}

t.test('S61: hostile multipart bodies are refused and leave nothing', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.makeRoot()
  const draft = publisher.draft({ a: 'one', large: noise(1_200_000) })
  const { upload } = (await publisher.begin(draft)).body
  const route = `/releases/${upload}/objects`
  const sha = digestOf('one')
  const head = (name: string, more = '') =>
    `--b\r\nContent-Disposition: form-data; name="${name}"; filename="x"\r\n${more}\r\n`
  const good = `${head(`object:${sha}`)}one\r\n--b--\r\n`
  const bodies: readonly (readonly [string, string, string])[] = [
    ['no boundary', 'multipart/form-data', good],
    ['another type', 'application/json', '{}'],
    ['another type', 'text/plain', good],
    ['no body', 'multipart/form-data; boundary=b', ''],
    ['no end', 'multipart/form-data; boundary=b', head(`object:${sha}`)],
    [
      'unknown object',
      'multipart/form-data; boundary=b',
      `${head(`object:${'0'.repeat(64)}`)}x\r\n--b--\r\n`,
    ],
    [
      'climbing name',
      'multipart/form-data; boundary=b',
      `${head('../../etc/passwd')}x\r\n--b--\r\n`,
    ],
    ['absolute name', 'multipart/form-data; boundary=b', `${head('/etc/passwd')}x\r\n--b--\r\n`],
    ['__proto__', 'multipart/form-data; boundary=b', `${head('__proto__')}x\r\n--b--\r\n`],
    [
      'a field',
      'multipart/form-data; boundary=b',
      `--b\r\nContent-Disposition: form-data; name="x"\r\n\r\nx\r\n--b--\r\n`,
    ],
    ['wrong bytes', 'multipart/form-data; boundary=b', `${head(`object:${sha}`)}two\r\n--b--\r\n`],
    [
      'too long',
      'multipart/form-data; boundary=b',
      `${head(`object:${sha}`)}one and more\r\n--b--\r\n`,
    ],
    [
      'bad brotli',
      'multipart/form-data; boundary=b',
      `${head(`object:${sha}:br`)}\x01\x02\x03\r\n--b--\r\n`,
    ],
    [
      'bad gdiff',
      'multipart/form-data; boundary=b',
      `${head(`gdiff:${sha}:${sha}`)}junk\r\n--b--\r\n`,
    ],
    [
      'a far piece',
      'multipart/form-data; boundary=b',
      `${head(`segment:${sha}:999999999999999`)}x\r\n--b--\r\n`,
    ],
    [
      '10,000 parts',
      'multipart/form-data; boundary=b',
      `${`${head(`object:${'1'.repeat(64)}`)}x\r\n`.repeat(10_000)}--b--\r\n`,
    ],
  ]
  for (const [what, type, body] of bodies) {
    const answer = await publisher.call(route, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    })
    t.ok(answer.status >= 400 && answer.status < 500, `${what}: ${answer.status} ${codeOf(answer)}`)
    t.equal(answer.headers.get('content-type'), 'application/problem+json', what)
  }
  const headers = head(`object:${sha}`, 'X-A: b\r\n'.repeat(10_000))
  const many = await publisher.call(route, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: `${headers}one\r\n--b--\r\n`,
  })
  t.ok(many.status < 500, 'headers of a part beyond the limit are passed over')
  const socket = await rawConnection(stage.url)
  socket.write(
    `POST /site${route} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${stage.token}\r\n` +
      `Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 9999999\r\n\r\n${head(`object:${sha}`)}on`,
  )
  socket.resume()
  socket.end()
  await closeOf(socket)
  t.same(leftovers(stage), [])
  t.equal((await publisher.sendMissing(draft, (await publisher.begin(draft)).body)).status, 200)
  t.same(leftovers(stage), [])
})

t.test('C41: of a request that breaks off the complete objects stay', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.makeRoot()
  const draft = publisher.draft({ a: 'one', b: 'two', c: 'three' })
  const { upload } = (await publisher.begin(draft)).body
  const part = (sha: string, bytes: string) =>
    `--b\r\nContent-Disposition: form-data; name="object:${sha}"; filename="x"\r\n\r\n${bytes}`
  const body = `${part(digestOf('one'), 'one')}\r\n${part(digestOf('two'), 'two')}\r\n${part(digestOf('three'), 'thr')}`
  const answer = await publisher.call(`/releases/${upload}/objects`, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body,
  })
  t.equal(codeOf(answer), 'LW_TRANSMIT_BROKEN_UPLOAD')
  const state = await publisher.call<{ missing: { sha256: string }[] }>(`/releases/${upload}`)
  t.same(
    state.body.missing.map((row) => row.sha256),
    [digestOf('three')],
  )
})

t.test(
  'S58: who stops sending in the middle of a part is cut, and others are served',
  async (t) => {
    const stage = await startTransmitter(t, {
      slowClients: { sweepMs: 50, senderWindowMs: 200, senderBytesPerSecondMin: 1000 },
    })
    const publisher = new RawPublisher(stage, 'site')
    await publisher.makeRoot()
    const draft = publisher.draft({ large: noise(1_200_000) })
    const { upload, missing } = (await publisher.begin(draft)).body
    const [first] = missing
    const sockets = await Promise.all(Array.from({ length: 10 }, () => rawConnection(stage.url)))
    for (const socket of sockets) {
      socket.resume()
      socket.write(
        `POST /site/releases/${upload}/objects HTTP/1.1\r\nHost: x\r\n` +
          `Authorization: Bearer ${stage.token}\r\nContent-Length: 1300000\r\n` +
          'Content-Type: multipart/form-data; boundary=b\r\n\r\n' +
          `--b\r\nContent-Disposition: form-data; name="object:${first?.sha256}"; filename="x"\r\n\r\nsome`,
      )
    }
    t.equal((await publisher.state()).status, 200)
    await Promise.all(sockets.map(closeOf))
    const metrics = await (await fetch(`${stage.url}/-/metrics`)).text()
    t.match(metrics, /longwave_slow_clients_cut_total 10/)
    t.equal((await publisher.sendMissing(draft, (await publisher.begin(draft)).body)).status, 200)
    t.same(leftovers(stage), [])
  },
)
