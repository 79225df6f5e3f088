import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  closeSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import t from 'tap'
import type { Digest } from '../../protocol/index.ts'
import {
  createHttpServer,
  createLogger,
  describeObject,
  etagOfDigest,
  type ObjectSource,
} from '../../serving/index.ts'
import { createTransport } from '../../transport/index.ts'
import { rawConnection } from '../support/raw-http.ts'

const transport = createTransport({ userAgent: 'test', retry: { attemptsMax: 1 } })
t.teardown(() => transport.stop())

type Open = () => ObjectSource

/** A server with one object under a hot route and under an ordinary one. */
async function serveObject(bytes: Uint8Array, open: Open) {
  const server = createHttpServer({
    logger: createLogger({ name: 'test', level: 'silent' }),
    slowClients: { sweepMs: 20, readerStallMs: 300 },
  })
  const digest = createHash('sha256').update(bytes).digest('hex') as Digest
  const object = describeObject({
    size: bytes.byteLength,
    etag: etagOfDigest(digest),
    mime: 'application/octet-stream',
    immutable: true,
    digest,
    headers: ['X-Own', 'yes'],
  })
  server.hot.set('/hot', (request, response, headers) => {
    server.objects.send({ request, response }, object, open(), headers)
    return true
  })
  server.app.get('/routed', (request, reply) => server.sendObject(request, reply, object, open()))
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  return { server, url, digest, etag: object.facts.etag }
}

/** The same bytes from memory, from a file, and from a reader that gives little at a time. */
function sourcesOf(bytes: Buffer, file: string): Readonly<Record<string, Open>> {
  return {
    memory: () => ({ kind: 'bytes', bytes }),
    file: () => ({ kind: 'fd', fd: openSync(file, 'r') }),
    'reader of a file': () => {
      const fd = openSync(file, 'r')
      const read = async () => 0
      return { kind: 'reader', reader: { fd, read, close: () => closeSync(fd) } }
    },
    reader: () => ({
      kind: 'reader',
      reader: {
        async read(position, into) {
          return bytes.copy(into, 0, position, position + Math.min(into.byteLength, 50_000))
        },
        close: () => undefined,
      },
    }),
  }
}

/** How often the file is open in this process. */
function timesOpen(file: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === realpathSync(file)
    } catch {
      // The descriptor that listed the folder is gone by now.
      return false
    }
  }).length
}

t.test('C19: an object is served whole, from memory, file or reader, hot or routed', async (t) => {
  for (const size of [0, 1, 65_535, 65_536, 65_537, 1_000_000]) {
    const bytes = randomBytes(size)
    const file = `${t.testdir()}/object`
    writeFileSync(file, bytes)
    for (const [name, open] of Object.entries(sourcesOf(bytes, file))) {
      const { server, url, digest, etag } = await serveObject(bytes, open)
      for (const path of ['/hot', '/routed']) {
        const got = await transport.fetchBytes(url + path, { bytesMax: 1e7 })
        t.ok(got.bytes.equals(bytes), `${size} bytes from ${name} by ${path}`)
        t.match(got.headers, {
          etag,
          'content-length': String(size),
          'cache-control': /immutable/,
          'accept-ranges': 'bytes',
          'repr-digest': `sha-256=:${Buffer.from(digest, 'hex').toString('base64')}:`,
          'x-own': 'yes',
          'x-content-type-options': 'nosniff',
        })
      }
      await server.stop()
      t.equal(timesOpen(file), 0, 'every file is closed')
    }
  }
})

t.test('C41: ranges, conditions and HEAD', async (t) => {
  const bytes = randomBytes(200_000)
  const file = `${t.testdir()}/object`
  writeFileSync(file, bytes)
  for (const [name, open] of Object.entries(sourcesOf(bytes, file))) {
    const { server, url, etag } = await serveObject(bytes, open)
    const get = (headers: Record<string, string>, method: 'GET' | 'HEAD' = 'GET') =>
      transport.fetchBytes(`${url}/hot`, {
        bytesMax: 1e6,
        method,
        headers,
        acceptStatus: [206, 304, 412, 416],
      })
    const part = await get({ range: 'bytes=70000-', 'if-range': etag })
    t.equal(part.status, 206, name)
    t.equal(part.headers['content-range'], 'bytes 70000-199999/200000')
    t.equal(part.headers['content-length'], '130000')
    t.ok(part.bytes.equals(bytes.subarray(70_000)))
    const last = await get({ range: 'bytes=-5' })
    t.ok(last.bytes.equals(bytes.subarray(-5)))
    const changed = await get({ range: 'bytes=5-', 'if-range': '"other"' })
    t.equal(changed.status, 200)
    t.equal(changed.bytes.length, 200_000)
    const dated = await get({ range: 'bytes=5-', 'if-range': 'Sun, 01 Mar 2026 12:01:00 GMT' })
    t.equal(dated.status, 200)
    const beyond = await get({ range: 'bytes=200000-' })
    t.equal(beyond.status, 416)
    t.equal(beyond.headers['content-range'], 'bytes */200000')
    t.equal((await get({ 'if-none-match': `"x", ${etag}` })).status, 304)
    t.equal((await get({ 'if-none-match': etag, range: 'bytes=0-1' })).status, 304)
    t.equal((await get({ 'if-match': '"x"' })).status, 412)
    const head = await get({}, 'HEAD')
    t.equal(head.headers['content-length'], '200000')
    const headOfPart = await get({ range: 'bytes=0-1' }, 'HEAD')
    t.equal(headOfPart.status, 200, 'Range counts for GET only')
    t.equal(timesOpen(file), 0, `${name}: every file is closed`)
    await server.stop()
  }
})

t.test('S51: a file that shrank under the server breaks the connection, visibly', async (t) => {
  const bytes = randomBytes(500_000)
  const file = `${t.testdir()}/object`
  writeFileSync(file, bytes)
  const { server, url } = await serveObject(bytes, () => {
    const fd = openSync(file, 'r')
    truncateSync(file, 100_000)
    return { kind: 'fd', fd }
  })
  const got = transport.fetchBytes(`${url}/hot`, { bytesMax: 1e6 })
  await t.rejects(got, { code: /LW_TRANSFER_(BROKEN|CUT)/ })
  t.equal(server.counters.objectsBroken, 1)
  await server.stop()
  t.equal(timesOpen(file), 0, 'every file is closed')
})

t.test('R25: clients that go away in the middle leave no file open', async (t) => {
  const bytes = randomBytes(20_000_000)
  const file = `${t.testdir()}/object`
  writeFileSync(file, bytes)
  const { server, url } = await serveObject(bytes, () => ({
    kind: 'fd',
    fd: openSync(file, 'r'),
  }))
  for (let at = 0; at < 50; at += 1) {
    const socket = await rawConnection(url)
    socket.write('GET /hot HTTP/1.1\r\nhost: a\r\n\r\n')
    await once(socket, 'data')
    socket.destroy()
  }
  const whole = await transport.fetchBytes(`${url}/hot`, { bytesMax: 3e7 })
  t.ok(whole.bytes.equals(bytes))
  await server.stop()
  t.equal(server.counters.objectsBroken, 50)
  t.equal(timesOpen(file), 0, 'every file is closed')
})

t.test('S58: readers that take nothing are cut, and memory does not grow with them', async (t) => {
  const bytes = Buffer.alloc(30_000_000, 7)
  const file = `${t.testdir()}/object`
  writeFileSync(file, bytes)
  const { server, url } = await serveObject(bytes, () => ({
    kind: 'fd',
    fd: openSync(file, 'r'),
  }))
  const before = process.memoryUsage.rss()
  const sockets = await Promise.all(Array.from({ length: 30 }, () => rawConnection(url)))
  for (const socket of sockets) {
    socket.pause()
    socket.write('GET /hot HTTP/1.1\r\nhost: a\r\n\r\n')
  }
  while (server.counters.slowClientsCut < 30) await new Promise(setImmediate)
  t.equal(server.counters.slowClientsCut, 30)
  t.ok(process.memoryUsage.rss() - before < 64 * 1024 * 1024)
  for (const socket of sockets) socket.destroy()
  await server.stop()
})

t.test('parallel downloads through recycled buffers stay apart', async (t) => {
  const objects = Array.from({ length: 6 }, () => randomBytes(3_000_000))
  const folder = t.testdir({})
  const files = objects.map((bytes, at) => {
    const file = `${folder}/${at}`
    writeFileSync(file, bytes)
    return file
  })
  let next = 0
  const server = createHttpServer({ logger: createLogger({ name: 'test', level: 'silent' }) })
  server.hot.addMatcher((path) => (request, response, headers) => {
    const at = Number(path.slice(1))
    const bytes = objects[at] ?? Buffer.alloc(0)
    const facts = { size: bytes.length, etag: `"${at}"`, mime: 'a/b', immutable: true }
    const fd = openSync(files[at] ?? '', 'r')
    server.objects.send({ request, response }, describeObject(facts), { kind: 'fd', fd }, headers)
    return true
  })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  await Promise.all(
    Array.from({ length: 24 }, async () => {
      const at = next++ % objects.length
      const got = await transport.fetchBytes(`${url}/${at}`, { bytesMax: 1e7 })
      t.ok(got.bytes.equals(objects[at] ?? Buffer.alloc(0)))
    }),
  )
  await server.stop()
})
