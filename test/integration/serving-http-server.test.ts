import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
import { formatError } from '../../protocol/index.ts'
import {
  addHealth,
  addMetrics,
  createHttpServer,
  createLogger,
  type HttpServerOptions,
  pollResponder,
} from '../../serving/index.ts'
import { createTransport } from '../../transport/index.ts'
import { closeOf, rawConnection } from '../support/raw-http.ts'
import { selfSigned } from '../support/self-signed.ts'

const local = { host: '127.0.0.1', port: 0 }
const transport = createTransport({ userAgent: 'test', retry: { attemptsMax: 1 } })
t.teardown(() => transport.stop())

function serverOf(options: Partial<HttpServerOptions> = {}) {
  const log = new PassThrough()
  const logger = createLogger({ name: 'test', destination: log, human: false })
  return { server: createHttpServer({ logger, ...options }), log }
}

const document = {
  bytes: Buffer.from('{"v":1}'),
  etag: '"one"',
  mime: 'application/json',
  cacheControl: 'max-age=0, s-maxage=5',
}

t.test('C18: a poll is answered from memory, 304 while nothing changed', async (t) => {
  const { server } = serverOf()
  const poll = pollResponder(document, { counters: server.counters })
  server.hot.set('/demo/trust/timestamp.json', poll.handler)
  const url = `${await server.listen(local)}/demo/trust/timestamp.json`
  const first = await transport.fetchConditional(url, { etag: undefined, bytesMax: 99 })
  t.match(first, { status: 200, etag: '"one"', bytes: document.bytes })
  t.same(await transport.fetchConditional(url, { etag: '"one"', bytesMax: 99 }), { status: 304 })
  poll.replace({ ...document, bytes: Buffer.from('{"v":2}'), etag: '"two"' })
  const changed = await transport.fetchConditional(url, { etag: '"one"', bytesMax: 99 })
  t.match(changed, { status: 200, etag: '"two"', bytes: Buffer.from('{"v":2}') })
  const head = await transport.fetchBytes(url, { method: 'HEAD', bytesMax: 0 })
  t.match(head.headers, { 'content-length': '7', 'cache-control': 'max-age=0, s-maxage=5' })
  t.match(server.counters, { pollsChanged: 3, pollsUnchanged: 1 })
  await server.stop()
})

t.test('errors of routes are problems with a request id; inner words stay inside', async (t) => {
  const { server, log } = serverOf()
  server.app.get('/ours', async () => {
    throw formatError('LW_FORMAT_PATH', { detail: 'Too long.', members: { limit: 4096 } })
  })
  server.app.get('/bug', async () => {
    throw new Error('hunter2')
  })
  const schema = {
    body: { type: 'object', required: ['a'], properties: { a: { type: 'number' } } },
  }
  server.app.post('/checked', { schema }, async () => 'ok')
  const url = await server.listen(local)
  const raw = { bytesMax: 9999, acceptStatus: [400, 404, 413, 415, 500] }
  const get = (path: string) => transport.fetchBytes(url + path, raw)
  const ours = await get('/ours')
  t.equal(ours.status, 400)
  t.match(ours.headers, { 'content-type': /problem\+json/, 'cache-control': 'no-store' })
  t.match(JSON.parse(ours.bytes.toString()), { code: 'LW_FORMAT_PATH', limit: 4096 })
  await t.rejects(transport.fetchBytes(`${url}/ours`, { bytesMax: 9 }), {
    code: 'LW_FORMAT_PATH',
    detail: 'Too long.',
  })
  const bug = await get('/bug')
  t.equal(bug.status, 500)
  t.notMatch(bug.bytes.toString(), /hunter2/)
  const { request } = JSON.parse(bug.bytes.toString())
  t.equal(bug.headers['x-request-id'], request)
  t.match(String(log.read()), new RegExp(`hunter2[^]*${request}|${request}[^]*hunter2`))
  t.match(JSON.parse((await get('/none')).bytes.toString()), { code: 'LW_SERVE_NOT_FOUND' })
  const post = (json: unknown, contentType?: string) =>
    transport.postJson(`${url}/checked`, { ...raw, json, ...(contentType && { contentType }) })
  t.equal((await post({ a: 1 })).bytes.toString(), 'ok')
  const wrong = JSON.parse((await post({ a: '1' })).bytes.toString())
  t.match(wrong, { code: 'LW_SERVE_REQUEST', detail: 'body/a must be number.' })
  t.equal((await post({ a: 1 }, 'text/xml')).status, 415)
  t.equal((await post({ a: 'x'.repeat(1024 * 1024) })).status, 413)
  const poisoned = await transport.fetchBytes(`${url}/checked`, {
    ...raw,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: Buffer.from('{"a":1,"__proto__":{"b":1}}'),
  })
  t.equal(poisoned.status, 400, 'S59: prototype keys are refused')
  await server.stop()
})

t.test('health says what is wrong, metrics count, and both are not cached', async (t) => {
  const { server } = serverOf()
  let well = true
  addHealth(server, {
    service: 'test',
    version: '1.2.3',
    checks: { disk: () => ({ ok: well, detail: 'Free: 1 GB.' }) },
  })
  const registry = addMetrics(server)
  const url = await server.listen(local)
  const get = (path: string) =>
    transport.fetchBytes(url + path, { bytesMax: 99_999, acceptStatus: [503] })
  const health = await get('/-/health')
  t.equal(health.status, 200)
  t.equal(health.headers['cache-control'], 'no-store')
  t.match(JSON.parse(health.bytes.toString()), {
    status: 'ok',
    service: 'test',
    version: '1.2.3',
    uptimeSeconds: Number,
    checks: { disk: { ok: true } },
  })
  well = false
  const degraded = await get('/-/health')
  t.equal(degraded.status, 503)
  t.match(JSON.parse(degraded.bytes.toString()), { status: 'degraded' })
  server.counters.pollsUnchanged = 41
  server.counters.pollsUnchanged += 1
  for (const text of [(await get('/-/metrics')).bytes.toString(), await registry.metrics()]) {
    t.match(text, /^longwave_polls_unchanged_total 42$/m)
    t.match(text, /^process_cpu_seconds_total \d/m)
    t.match(text, /^longwave_connections [1-9]/m)
  }
  await server.stop()
})

t.test('metrics can be guarded', async (t) => {
  const { server } = serverOf()
  addMetrics(server, {
    guard: async () => {
      throw formatError('LW_FORMAT_PATH')
    },
  })
  const url = await server.listen(local)
  const got = transport.fetchBytes(`${url}/-/metrics`, { bytesMax: 9999 })
  await t.rejects(got, { code: 'LW_FORMAT_PATH' })
  await server.stop()
})

t.test('C113: a port in use, a forbidden and a foreign address are clear errors', async (t) => {
  const { server: first } = serverOf()
  const url = await first.listen(local)
  const port = Number(new URL(url).port)
  const { server: second } = serverOf()
  await t.rejects(second.listen({ host: '127.0.0.1', port }), {
    code: 'LW_SERVE_PORT_IN_USE',
    next: /--listen/,
  })
  await second.stop()
  const { server: third } = serverOf()
  await t.rejects(third.listen({ host: '192.0.2.1', port: 0 }), { code: 'LW_SERVE_ADDRESS' })
  await third.stop()
  await first.stop()
})

t.test(
  'R46: stop lets requests finish, closes idle connections and takes no new ones',
  async (t) => {
    const { server } = serverOf()
    let finish: (() => void) | undefined
    const entered = new Promise<void>((resolve) => {
      server.app.get('/slow', async () => {
        resolve()
        await new Promise<void>((done) => {
          finish = done
        })
        return 'finished'
      })
    })
    server.app.get('/quick', async () => 'quick')
    const url = await server.listen(local)
    const idle = await rawConnection(url)
    const idleClosed = closeOf(idle)
    idle.resume()
    idle.write('GET /quick HTTP/1.1\r\nhost: a\r\n\r\n')
    await once(idle, 'data')
    const slow = transport.fetchBytes(`${url}/slow`, { bytesMax: 99 })
    await entered
    const stopped = server.stop()
    await idleClosed
    t.equal(typeof finish, 'function', 'the idle connection closes although a request still runs')
    t.equal(await Promise.race([slow, 'runs']), 'runs')
    const late = transport.fetchBytes(`${url}/quick`, { bytesMax: 99 })
    await t.rejects(late, { code: /LW_TRANSFER_(UNREACHABLE|BROKEN)/ })
    finish?.()
    t.equal((await slow).bytes.toString(), 'finished')
    await stopped
    await server.stop()
  },
)

t.test('R46: what does not finish in time is cut', async (t) => {
  const { server } = serverOf({ drainTimeoutMs: 100 })
  const entered = new Promise<void>((resolve) => {
    server.app.get('/never', () => {
      resolve()
      return new Promise(() => undefined)
    })
  })
  const url = await server.listen(local)
  const never = transport.fetchBytes(`${url}/never`, { bytesMax: 99 })
  never.catch(() => undefined)
  await entered
  await server.stop()
  await t.rejects(never, { code: 'LW_TRANSFER_BROKEN' })
})

t.test('a request on a kept-open connection during stop gets 503 and a close', async (t) => {
  const { server } = serverOf()
  server.hot.set('/hot', pollResponder(document).handler)
  let finish: (() => void) | undefined
  const entered = new Promise<void>((resolve) => {
    server.app.get('/slow', async () => {
      resolve()
      await new Promise<void>((done) => {
        finish = done
      })
      return 'finished'
    })
  })
  const url = await server.listen(local)
  const socket = await rawConnection(url)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.write('GET /slow HTTP/1.1\r\nhost: a\r\n\r\nGET /next HTTP/1.1\r\nhost: a\r\n\r\n')
  await entered
  const stopped = server.stop()
  finish?.()
  await closeOf(socket)
  await stopped
  const text = Buffer.concat(chunks).toString()
  t.match(text, /finished/)
})

t.test('request ids differ; those of clients are not taken over', async (t) => {
  const { server } = serverOf()
  server.app.get('/id', async (request) => request.id)
  const url = await server.listen(local)
  const ids = new Set<string>()
  for (let at = 0; at < 5; at += 1) {
    const headers = { 'request-id': 'mine', 'x-request-id': 'mine' }
    ids.add((await transport.fetchBytes(`${url}/id`, { bytesMax: 99, headers })).bytes.toString())
  }
  t.equal(ids.size, 5)
  t.notOk(ids.has('mine'))
  await server.stop()
})

t.test('S66: forwarded headers count only from proxies that were named', async (t) => {
  const headers = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-host': 'evil.test' }
  for (const [trustedProxies, ip] of [
    [undefined, '127.0.0.1'],
    [['10.0.0.0/8'], '127.0.0.1'],
    [['127.0.0.1'], '203.0.113.9'],
  ] as const) {
    const { server } = serverOf(trustedProxies === undefined ? {} : { trustedProxies })
    server.app.get('/ip', async (request) => request.ip)
    const url = await server.listen(local)
    const got = await transport.fetchBytes(`${url}/ip`, { bytesMax: 99, headers })
    t.equal(got.bytes.toString(), ip)
    await server.stop()
  }
})

t.test('a server speaks TLS itself, version 1.2 at least', async (t) => {
  const own = selfSigned(['127.0.0.1'])
  const { server } = serverOf({ tls: { certificate: own.certificate, key: own.key } })
  server.hot.set('/hot', pollResponder(document).handler)
  const url = await server.listen(local)
  t.match(url, /^https:/)
  const secure = createTransport({ userAgent: 'x', tls: { authorities: [own.certificate] } })
  t.same((await secure.fetchBytes(`${url}/hot`, { bytesMax: 99 })).bytes, document.bytes)
  await secure.stop()
  await server.stop()
})

t.test('R46: connections that were never used do not hold up a stop', async (t) => {
  const own = selfSigned(['127.0.0.1'])
  for (const tls of [undefined, { certificate: own.certificate, key: own.key }]) {
    // Longer than the test may take: only what is closed at once lets it end.
    const waiting = { drainTimeoutMs: 600_000, timeouts: { headersMs: 600_000 } }
    const { server } = serverOf({ ...waiting, ...(tls === undefined ? {} : { tls }) })
    server.app.get('/quick', async () => 'quick')
    const url = await server.listen(local)
    const silent = [await rawConnection(url), await rawConnection(url)]
    if (tls !== undefined) {
      const shaken = connectTls({
        host: '127.0.0.1',
        port: Number(new URL(url).port),
        ca: own.certificate,
      })
      shaken.on('error', () => undefined)
      await once(shaken, 'secureConnect')
      silent.push(shaken)
    }
    const secure = createTransport({ userAgent: 'x', tls: { authorities: [own.certificate] } })
    // By then the server has taken the connections before.
    const answer = await secure.fetchBytes(`${url}/quick`, { bytesMax: 99 })
    t.equal(answer.bytes.toString(), 'quick')
    t.equal(await server.connections(), silent.length + 1)
    const closed = Promise.all(silent.map(closeOf))
    for (const socket of silent) socket.resume()
    await server.stop()
    await closed
    t.equal(await server.connections(), 0)
    await secure.stop()
  }
})
