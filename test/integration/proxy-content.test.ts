import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import type http from 'node:http'
import path from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import t from 'tap'
import { Agent, request as ask } from 'undici'
import { startFakeOrigin, sendObject } from '../support/proxy-origin.ts'
import { startProxyFixture } from '../support/proxy-fixture.ts'

const large = 1_000_000

async function bytesOf(url: string, headers: Record<string, string> = {}): Promise<Buffer> {
  const answer = await ask(url, { headers })
  return Buffer.from(await answer.body.arrayBuffer())
}

/** The names of all cached files. */
async function cachedFiles(directory: string): Promise<readonly string[]> {
  const names: string[] = []
  const content = path.join(directory, 'cache', 'content')
  for (const fan of await readdir(content)) names.push(...(await readdir(path.join(content, fan))))
  return names
}

t.test('C86 R38: an object is fetched once, however many ask at the same time', async (t) => {
  for (const size of [0, 1000, large]) {
    const fixture = await startProxyFixture(t)
    const bytes = randomBytes(size)
    const digest = fixture.origin.object(bytes)
    const url = fixture.via(`objects/${digest}`)
    const dispatcher = new Agent({ connections: 64 })
    t.teardown(() => dispatcher.destroy())
    const answers = await Promise.all(
      Array.from({ length: 64 }, async () => {
        const answer = await ask(url, { dispatcher })
        return Buffer.from(await answer.body.arrayBuffer())
      }),
    )
    t.ok(answers.every((answer) => answer.equals(bytes)))
    t.equal(fixture.origin.count('GET', `/site/objects/${digest}`), 1)
    t.same(await bytesOf(url), bytes)
    t.ok(fixture.origin.count('GET', `/site/objects/${digest}`) <= 1)
  }
})

t.test('C86: bytes go out while they come in, from the start and from the middle', async (t) => {
  const fixture = await startProxyFixture(t)
  const bytes = randomBytes(large)
  const digest = createHash('sha256').update(bytes).digest('hex')
  const half = large / 2
  let goOn = (): void => undefined
  fixture.origin.on(`/site/objects/${digest}`, (_request, response) => {
    response.writeHead(200, { 'content-length': String(large), 'cache-control': 'public' })
    response.write(bytes.subarray(0, half))
    goOn = () => response.end(bytes.subarray(half))
  })
  const url = fixture.via(`objects/${digest}`)
  const first = await ask(url)
  const got: Buffer[] = []
  first.body.on('data', (chunk: Buffer) => got.push(chunk))
  while (Buffer.concat(got).byteLength < half) await once(first.body, 'data')
  t.equal(Buffer.concat(got).byteLength, half, 'half of it before the origin sent the rest')
  const early = await bytesOf(url, { range: 'bytes=1000-1999' })
  t.same(early, bytes.subarray(1000, 2000), 'a range of what is there')
  const late = bytesOf(url, { range: `bytes=${large - 100}-` })
  const ended = once(first.body, 'end')
  goOn()
  await ended
  t.same(Buffer.concat(got), bytes)
  t.same(await late, bytes.subarray(large - 100), 'a range of what was still to come')
  t.equal(fixture.origin.count('GET', `/site/objects/${digest}`), 1)
})

t.test('C86: a download that fails becomes no entry and breaks off its askers', async (t) => {
  const cases = {
    'breaks off': (bytes: Buffer, response: http.ServerResponse) => {
      response.writeHead(200, { 'content-length': String(bytes.byteLength) })
      response.write(bytes.subarray(0, large / 2), () => response.destroy())
    },
    'has wrong bytes': (bytes: Buffer, response: http.ServerResponse) => {
      const wrong = Buffer.from(bytes)
      wrong[large - 1] = (wrong[large - 1] ?? 0) ^ 1
      response.writeHead(200, { 'content-length': String(bytes.byteLength) })
      response.end(wrong)
    },
  }
  for (const [name, answer] of Object.entries(cases)) {
    const fixture = await startProxyFixture(t)
    const bytes = randomBytes(large)
    const digest = fixture.origin.object(bytes)
    const at = `/site/objects/${digest}`
    fixture.origin.on(at, (_request, response) => answer(bytes, response))
    const url = fixture.via(`objects/${digest}`)
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => bytesOf(url)))
    t.ok(
      outcomes.every((one) => one.status === 'rejected'),
      `${name}: nobody takes it for whole`,
    )
    t.same(await cachedFiles(fixture.directory), [])
    fixture.origin.object(bytes)
    t.same(await bytesOf(url), bytes, 'the next one gets it')
    await fixture.settled()
    t.equal((await cachedFiles(fixture.directory)).length, 1)
  }
})

t.test(
  'C86: a small object with wrong bytes is an error, and none of them are shown',
  async (t) => {
    const fixture = await startProxyFixture(t)
    const bytes = Buffer.from('right')
    const digest = fixture.origin.object(bytes)
    fixture.origin.on(`/site/objects/${digest}`, (_request, response) => {
      response.writeHead(200, { 'content-length': '5' })
      response.end('wrong')
    })
    const answer = await ask(fixture.via(`objects/${digest}`))
    t.equal(answer.statusCode, 502)
    t.match(await answer.body.json(), { code: 'LW_PROXY_WRONG_BYTES' })
    fixture.origin.object(bytes)
    t.same(await bytesOf(fixture.via(`objects/${digest}`)), bytes)
  },
)

t.test('C86: a broken download is continued where it broke', async (t) => {
  const fixture = await startProxyFixture(t)
  const bytes = randomBytes(large)
  const digest = fixture.origin.object(bytes)
  let asked = 0
  fixture.origin.on(`/site/objects/${digest}`, (request, response) => {
    asked += 1
    if (asked > 1) return sendObject(request, response, bytes, `"${digest}"`)
    response.writeHead(200, { 'content-length': String(large), etag: `"${digest}"` })
    response.write(bytes.subarray(0, large / 2), () => response.destroy())
  })
  t.same(await bytesOf(fixture.via(`objects/${digest}`)), bytes)
  const [, second] = fixture.origin.seen.filter((one) => one.path.includes('objects'))
  t.match(second?.headers.range, /^bytes=[1-9]\d*-$/)
  t.equal((await fixture.status()).measures.fillsResumed, 1)
})

t.test('C86: a refusal is not remembered', async (t) => {
  const fixture = await startProxyFixture(t)
  const bytes = randomBytes(100)
  const digest = createHash('sha256').update(bytes).digest('hex')
  const url = fixture.via(`objects/${digest}`)
  const absent = await ask(url)
  t.equal(absent.statusCode, 404)
  t.match(await absent.body.json(), { code: 'LW_TRANSMIT_NO_OBJECT' }, 'as the origin said it')
  fixture.origin.object(bytes)
  t.same(await bytesOf(url), bytes)
})

t.test('C86: compressed forms are cached when they unpack to the object', async (t) => {
  const fixture = await startProxyFixture(t)
  const bytes = Buffer.from('some text\n'.repeat(100_000))
  const digest = createHash('sha256').update(bytes).digest('hex')
  const packed = brotliCompressSync(bytes)
  let body: Buffer = brotliCompressSync(Buffer.from('other text'))
  fixture.origin.on(`/site/objects/${digest}.br`, (request, response) =>
    sendObject(request, response, body, `"${digest}.br"`),
  )
  const url = fixture.via(`objects/${digest}.br`)
  t.equal((await ask(url)).statusCode, 502, 'something else')
  body = packed.subarray(0, packed.byteLength - 1)
  t.equal((await ask(url)).statusCode, 502, 'cut short')
  body = packed
  t.same(await bytesOf(url), packed)
  t.same(await bytesOf(url), packed)
  t.equal(fixture.origin.count('GET', `/site/objects/${digest}.br`), 3)
})

t.test(
  'C86 R12: the cache outlives a restart; what rotted on the disk is fetched again',
  async (t) => {
    let fixture = await startProxyFixture(t)
    const objects = [randomBytes(1000), randomBytes(large)]
    const digests = objects.map((bytes) => fixture.origin.object(bytes))
    for (const digest of digests) await bytesOf(fixture.via(`objects/${digest}`))
    fixture = await fixture.restart()
    for (const [at, digest] of digests.entries()) {
      t.same(await bytesOf(fixture.via(`objects/${digest}`)), objects[at])
    }
    t.equal((await fixture.status()).measures.contentBytesUpstream, 0)
    await fixture.proxy.stop()
    for (const digest of digests) {
      const file = path.join(fixture.directory, 'cache', 'content', digest.slice(0, 2), digest)
      const bytes = await readFile(file)
      bytes[500] = (bytes[500] ?? 0) ^ 1
      await writeFile(file, bytes)
    }
    fixture = await fixture.restart()
    for (const [at, digest] of digests.entries()) {
      let got = await ask(fixture.via(`objects/${digest}`))
      while (got.statusCode === 503) {
        await got.body.dump()
        got = await ask(fixture.via(`objects/${digest}`))
      }
      t.same(Buffer.from(await got.body.arrayBuffer()), objects[at])
    }
    t.equal((await fixture.status()).measures.damaged, 2)
  },
)

t.test('C86: the budget holds, and what was not used for longest goes first', async (t) => {
  const fixture = await startProxyFixture(t, { budgetBytes: 3.5 * large })
  const objects = Array.from({ length: 5 }, () => randomBytes(large))
  const digests = objects.map((bytes) => fixture.origin.object(bytes))
  const get = (at: number) => bytesOf(fixture.via(`objects/${digests[at]}`))
  for (const at of [0, 1, 2, 0, 3]) {
    await get(at)
    await fixture.settled()
  }
  const kept = await cachedFiles(fixture.directory)
  t.same([...kept].sort(), [digests[0], digests[2], digests[3]].sort())
  t.ok((await fixture.status()).cacheBytes <= 3.5 * large)
  const huge = randomBytes(4 * large)
  const digest = fixture.origin.object(huge)
  t.same(await bytesOf(fixture.via(`objects/${digest}`)), huge, 'what never fits is handed through')
  t.notOk((await cachedFiles(fixture.directory)).includes(digest))
})

t.test('C86: what must not be stored is not', async (t) => {
  const fixture = await startProxyFixture(t)
  const bytes = randomBytes(1000)
  const digest = fixture.origin.object(bytes)
  fixture.origin.on(`/site/objects/${digest}`, (request, response) =>
    sendObject(request, response, bytes, `"${digest}"`, 'no-store'),
  )
  t.same(await bytesOf(fixture.via(`objects/${digest}`)), bytes)
  const asked = fixture.origin.seen.length
  t.same(await bytesOf(fixture.via(`objects/${digest}`)), bytes)
  t.ok(fixture.origin.seen.length > asked)
  t.same(await cachedFiles(fixture.directory), [])
})

t.test('C86 S54: knowing a hash grants nothing, in another channel either', async (t) => {
  const fixture = await startProxyFixture(t)
  const bytes = randomBytes(1000)
  const digest = fixture.origin.object(bytes)
  t.same(await bytesOf(fixture.via(`objects/${digest}`)), bytes)
  const other = fixture.via(`objects/${digest}`).replace('/site/', '/other/')
  t.equal((await ask(other)).statusCode, 404, 'the other channel does not refer to it')
  fixture.origin.on(`/other/objects/${digest}`, (request, response) =>
    sendObject(request, response, bytes, `"${digest}"`),
  )
  const before = (await fixture.status()).measures.contentBytesUpstream
  t.same(await bytesOf(other), bytes)
  const after = (await fixture.status()).measures.contentBytesUpstream
  t.equal(after, before, 'no content crosses for the second channel')
})

t.test('C86: closed channels: each reader is let through by the origin', async (t) => {
  const fixture = await startProxyFixture(t)
  const bytes = randomBytes(1000)
  const digest = createHash('sha256').update(bytes).digest('hex')
  const tickets = new Set(['Bearer one', 'Bearer two'])
  fixture.origin.on(`/site/objects/${digest}`, (request, response) => {
    if (tickets.has(request.headers.authorization ?? '')) {
      const cacheControl = 'private, max-age=31536000, immutable'
      return sendObject(request, response, bytes, `"${digest}"`, cacheControl)
    }
    response.writeHead(401, { 'content-length': '0' })
    response.end()
  })
  const url = fixture.via(`objects/${digest}`)
  t.equal((await ask(url)).statusCode, 401)
  t.same(await bytesOf(url, { authorization: 'Bearer one' }), bytes)
  t.equal((await ask(url)).statusCode, 401, 'not without a ticket, although it is cached')
  t.equal((await ask(url, { headers: { authorization: 'Bearer false' } })).statusCode, 401)
  const answer = await ask(url, { headers: { authorization: 'Bearer two' } })
  t.match(answer.headers['cache-control'], /^private/)
  t.same(Buffer.from(await answer.body.arrayBuffer()), bytes)
  t.equal((await fixture.status()).measures.contentBytesUpstream, 1000, 'it crossed once')
})

t.test('C86: a channel that was closed is closed at the proxy, too', async (t) => {
  let now = 1_000_000
  const fixture = await startProxyFixture(t, { clock: { now: () => now } })
  const bytes = randomBytes(1000)
  const digest = fixture.origin.object(bytes)
  const url = fixture.via(`objects/${digest}`)
  await ask(fixture.via('trust/timestamp.json'))
  t.same(await bytesOf(url), bytes)
  for (const at of ['/site/trust/timestamp.json', `/site/objects/${digest}`]) {
    fixture.origin.on(at, (_request, response) => {
      response.writeHead(401)
      response.end()
    })
  }
  t.same(await bytesOf(url), bytes, 'within seconds the last word counts')
  now += 31_000
  t.equal((await ask(url)).statusCode, 401)
})

t.test('C85: conditions, HEAD and entity tags are those of the transmitter', async (t) => {
  const fixture = await startProxyFixture(t)
  const bytes = randomBytes(1000)
  const digest = fixture.origin.object(bytes)
  const url = fixture.via(`objects/${digest}`)
  const head = await ask(url, { method: 'HEAD' })
  t.match(head, { statusCode: 200, headers: { etag: `"${digest}"`, 'content-length': '1000' } })
  t.same(await bytesOf(url), bytes)
  const same = await ask(url, { headers: { 'if-none-match': `"${digest}"` } })
  t.equal(same.statusCode, 304)
  const part = await ask(url, { headers: { range: 'bytes=10-19', 'if-range': `"${digest}"` } })
  t.match(part, { statusCode: 206, headers: { 'content-range': 'bytes 10-19/1000' } })
  t.same(Buffer.from(await part.body.arrayBuffer()), bytes.subarray(10, 20))
})

t.test('C92: an origin that is away is an error, not a hang, and heals by itself', async (t) => {
  const origin = await startFakeOrigin()
  const fixture = await startProxyFixture(t, { origin })
  const digest = origin.object(randomBytes(10))
  await ask(fixture.via('trust/timestamp.json'))
  for (const socket of origin.sockets) socket.destroy()
  const away = await startProxyFixture(t, { origins: ['http://127.0.0.1:9'] })
  const via = `${away.url}/-/via/${encodeURIComponent('http://127.0.0.1:9')}/site`
  const answer = await ask(`${via}/objects/${digest}`)
  t.equal(answer.statusCode, 502)
  t.match(await answer.body.json(), { code: 'LW_PROXY_UPSTREAM' })
  t.equal((await bytesOf(fixture.via(`objects/${digest}`))).byteLength, 10)
})
