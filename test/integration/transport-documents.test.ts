import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { isLongwaveError } from '../../protocol/index.ts'
import { createTransport, type TransportOptions } from '../../transport/index.ts'
import { type ChaosReply, startChaosServer } from '../support/chaos-server.ts'

const patient = { attemptsMax: 6, backoffBaseMs: 1, budgetMs: 10_000 }

/** A transport whose waits are noted instead of waited for. */
function transportOf(options: Partial<TransportOptions> = {}) {
  const sleeps: number[] = []
  const transport = createTransport({
    userAgent: 'longwave-test',
    retry: patient,
    clock: {
      now: () => Date.now(),
      sleep: async (ms) => {
        sleeps.push(ms)
      },
    },
    random: () => 0.5,
    ...options,
  })
  return { transport, sleeps }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'no error'
  } catch (error) {
    return isLongwaveError(error) ? error.code : `foreign ${String(error)}`
  }
}

t.test('a document comes with status, headers and bytes, uncoded', async (t) => {
  await using server = await startChaosServer(() => ({
    kind: 'answer',
    headers: { 'Content-Type': 'text/plain', 'X-List': 'a' },
    body: 'hello',
  }))
  const { transport } = transportOf()
  const answer = await transport.fetchBytes(`${server.url}/a?b#c`, { bytesMax: 5 })
  t.equal(answer.bytes.toString(), 'hello')
  t.equal(answer.status, 200)
  t.equal(answer.headers['content-type'], 'text/plain')
  t.equal(server.requests[0]?.target, '/a?b')
  t.equal(server.requests[0]?.headers['accept-encoding'], 'identity')
  t.equal(server.requests[0]?.headers['user-agent'], 'longwave-test')
  await transport.stop()
})

t.test('S6: endless data is given up at the limit, without waiting for more', async (t) => {
  const block = Buffer.alloc(64 * 1024, 1)
  const replies: Readonly<Record<string, ChaosReply>> = {
    announced: { kind: 'answer', contentLength: 1e15, endless: true, body: block },
    chunked: { kind: 'answer', chunked: true, endless: true, body: block },
    unframed: { kind: 'answer', contentLength: null, endless: true, body: block },
    oneTooMany: { kind: 'answer', body: Buffer.alloc(1025) },
    oneTooManyChunked: { kind: 'answer', chunked: true, body: Buffer.alloc(1025) },
  }
  const before = process.memoryUsage.rss()
  for (const [name, reply] of Object.entries(replies)) {
    await using server = await startChaosServer(() => reply)
    const { transport, sleeps } = transportOf()
    const got = transport.fetchBytes(server.url, { bytesMax: 1024 })
    await t.rejects(got, { code: 'LW_TRANSFER_ENDLESS', exit: 13 }, name)
    t.same(sleeps, [], 'it is not tried again')
    await transport.stop()
  }
  t.ok(process.memoryUsage.rss() - before < 64 * 1024 * 1024, 'memory stays bounded')
})

t.test('S6: headers without end are given up', async (t) => {
  await using server = await startChaosServer(() => ({
    kind: 'raw',
    bytes: `HTTP/1.1 200 OK\r\n${'x-more: and more\r\n'.repeat(100_000)}`,
  }))
  const { transport } = transportOf()
  t.equal(await codeOf(transport.fetchBytes(server.url, { bytesMax: 9 })), 'LW_TRANSFER_ENDLESS')
  await transport.stop()
})

t.test('S35: a coded answer is refused, however long its chain of codings', async (t) => {
  const codings = ['gzip', 'br', 'deflate', 'zstd', Array(300).fill('gzip').join(',')]
  for (const coding of codings) {
    await using server = await startChaosServer(() => ({
      kind: 'answer',
      headers: { 'content-encoding': coding },
      body: 'x',
    }))
    const { transport } = transportOf()
    t.equal(await codeOf(transport.fetchBytes(server.url, { bytesMax: 9 })), 'LW_TRANSFER_ENCODED')
    await transport.stop()
  }
  await using server = await startChaosServer(() => ({
    kind: 'answer',
    headers: { 'content-encoding': 'identity' },
    body: 'x',
  }))
  const { transport } = transportOf()
  t.equal((await transport.fetchBytes(server.url, { bytesMax: 9 })).bytes.toString(), 'x')
  await transport.stop()
})

t.test('R23: an answer cut at any byte is not accepted, and the next attempt heals', async (t) => {
  const body = 'the whole document'
  const whole = `HTTP/1.1 200 Chaos\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  const { transport } = transportOf()
  const unhealed: string[] = []
  for (let at = 0; at < whole.length; at += 1) {
    for (const cutBy of ['close', 'reset'] as const) {
      await using server = await startChaosServer((request) =>
        request.number === 1
          ? { kind: 'answer', body, cutAnswerAt: at, cutBy }
          : { kind: 'answer', body },
      )
      const answer = await transport.fetchBytes(server.url, { bytesMax: 100 })
      if (answer.bytes.toString() !== body || server.requests.length !== 2) {
        unhealed.push(`cut at ${at} by ${cutBy}: ${server.requests.length} requests`)
      }
    }
  }
  t.same(unhealed, [], `${whole.length} cuts, twice`)
  await transport.stop()
})

t.test('R30: storms of failures are waited out with growing pauses', async (t) => {
  const storm: readonly ChaosReply[] = [
    { kind: 'answer', status: 500 },
    { kind: 'answer', status: 502, body: '<html>' },
    { kind: 'close' },
    { kind: 'reset' },
    { kind: 'raw', bytes: 'HTTP/1.1 abc\r\n\r\n' },
  ]
  await using server = await startChaosServer(
    (request) => storm[request.number - 1] ?? { kind: 'answer', body: 'ok' },
  )
  const { transport, sleeps } = transportOf()
  const answer = await transport.fetchBytes(server.url, { bytesMax: 9 })
  t.equal(answer.bytes.toString(), 'ok')
  t.equal(sleeps.length, 5)
  t.ok(
    sleeps.slice(2).every((ms) => ms >= 1000),
    'R29: 1 s after three failures',
  )
  await transport.stop()
})

t.test('R30: each kind of lasting failure ends with its own error', async (t) => {
  const kinds: readonly (readonly [ChaosReply, string, number])[] = [
    [{ kind: 'answer', status: 401 }, 'LW_TRANSFER_DENIED', 12],
    [{ kind: 'answer', status: 403 }, 'LW_TRANSFER_DENIED', 12],
    [{ kind: 'answer', status: 404 }, 'LW_TRANSFER_NOT_FOUND', 10],
    [{ kind: 'answer', status: 410 }, 'LW_TRANSFER_NOT_FOUND', 10],
    [{ kind: 'answer', status: 418 }, 'LW_TRANSFER_REFUSED', 1],
    [{ kind: 'answer', status: 429 }, 'LW_TRANSFER_BUSY', 75],
    [{ kind: 'answer', status: 500 }, 'LW_TRANSFER_SERVER', 75],
    [{ kind: 'answer', status: 501 }, 'LW_TRANSFER_REFUSED', 1],
    [{ kind: 'answer', status: 503 }, 'LW_TRANSFER_BUSY', 75],
    [{ kind: 'answer', status: 304 }, 'LW_TRANSFER_ANSWER', 13],
    [{ kind: 'close' }, 'LW_TRANSFER_BROKEN', 75],
    [{ kind: 'raw', bytes: 'SSH-2.0-x\r\n' }, 'LW_TRANSFER_BROKEN', 75],
    [{ kind: 'answer', contentLength: 'many', body: 'x' }, 'LW_TRANSFER_BROKEN', 75],
    [{ kind: 'answer', body: 'abc', contentLength: 9, cutBodyAt: 3 }, 'LW_TRANSFER_BROKEN', 75],
    [
      { kind: 'raw', bytes: 'HTTP/1.1 200 OK\r\netag: "a"\r\netag: "b"\r\n\r\n' },
      'LW_TRANSFER_ANSWER',
      13,
    ],
    [
      {
        kind: 'raw',
        bytes:
          'HTTP/1.1 200 OK\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      },
      'LW_TRANSFER_BROKEN',
      75,
    ],
  ]
  for (const [reply, code, exit] of kinds) {
    await using server = await startChaosServer(() => reply)
    const { transport } = transportOf({ retry: { attemptsMax: 2 } })
    await t.rejects(transport.fetchBytes(server.url, { bytesMax: 99 }), { code, exit }, code)
    const repeated = exit === 75 ? 2 : 1
    t.equal(server.requests.length, repeated, `${code} is asked ${repeated} times`)
    await transport.stop()
  }
})

t.test('R30: Retry-After is honoured, and handed on when it is too long', async (t) => {
  await using server = await startChaosServer((request) =>
    request.number === 1
      ? { kind: 'answer', status: 503, headers: { 'retry-after': '7' } }
      : { kind: 'answer', status: 429, headers: { 'retry-after': '86400000' } },
  )
  const { transport, sleeps } = transportOf()
  const got = transport.fetchBytes(server.url, { bytesMax: 9 })
  await t.rejects(got, { code: 'LW_TRANSFER_BUSY', retryAfterSeconds: 86_400 })
  t.equal(sleeps.length, 1)
  t.ok((sleeps[0] ?? 0) >= 7000)
  await transport.stop()
})

t.test('a server that says nothing is given up after the stall time', async (t) => {
  const replies: readonly ChaosReply[] = [
    { kind: 'silent' },
    { kind: 'answer', body: 'abcdef', stallBodyAt: 3 },
  ]
  for (const [index, reply] of replies.entries()) {
    await using server = await startChaosServer(() => reply)
    const { transport } = transportOf({ retry: { attemptsMax: 1 }, timeouts: { stallMs: 100 } })
    const code = await codeOf(transport.fetchBytes(server.url, { bytesMax: 9 }))
    t.equal(code, 'LW_TRANSFER_STALLED', String(index))
    await transport.stop()
  }
})

t.test('R27: an answer that trickles below the least pace counts as stalled', async (t) => {
  await using server = await startChaosServer(() => ({
    kind: 'answer',
    body: Buffer.alloc(1000),
    slow: { bytes: 1, everyMs: 5 },
  }))
  const { transport } = transportOf({
    retry: { attemptsMax: 1 },
    timeouts: { paceWindowMs: 60, paceBytesPerSecondMin: 10_000 },
  })
  const code = await codeOf(transport.fetchBytes(server.url, { bytesMax: 9999 }))
  t.equal(code, 'LW_TRANSFER_STALLED')
  await transport.stop()
})

t.test('people are told of a broken connection in words, not in codes of a client', async (t) => {
  for (const kind of ['close', 'reset'] as const) {
    await using server = await startChaosServer(() => ({ kind }))
    const { transport } = transportOf({ retry: { attemptsMax: 1 } })
    const failed = await transport.fetchBytes(server.url, { bytesMax: 9 }).catch((e: Error) => e)
    t.match(failed, { code: 'LW_TRANSFER_BROKEN', message: /127\.0\.0\.1:\d+: it (closed|reset) / })
    t.notMatch((failed as Error).message, /UND_ERR|ECONN/)
    await transport.stop()
  }
})

t.test('the overall time of a document ends it, retries included', async (t) => {
  await using server = await startChaosServer(() => ({ kind: 'silent' }))
  const { transport } = transportOf()
  const got = transport.fetchBytes(server.url, { bytesMax: 9, timeoutMs: 50 })
  const message = new RegExp(`127.0.0.1:${server.port} had 0 s for it`)
  await t.rejects(got, { code: 'LW_TRANSFER_TIMEOUT', exit: 75, message })
  t.equal(server.requests.length, 1)
  await transport.stop()
})

t.test('a caller ends a transfer, before or while it runs; so does stop', async (t) => {
  await using server = await startChaosServer(() => ({ kind: 'silent' }))
  const { transport } = transportOf()
  const signal = AbortSignal.abort()
  const early = transport.fetchBytes(server.url, { bytesMax: 9, signal })
  await t.rejects(early, { code: 'LW_TRANSFER_ABORTED', exit: 130 })
  t.equal(server.requests.length, 0)
  const controller = new AbortController()
  server.behave(() => {
    controller.abort()
    return { kind: 'silent' }
  })
  const late = transport.fetchBytes(server.url, { bytesMax: 9, signal: controller.signal })
  await t.rejects(late, { code: 'LW_TRANSFER_ABORTED' })
  server.behave(() => {
    void transport.stop()
    return { kind: 'silent' }
  })
  await t.rejects(transport.fetchBytes(server.url, { bytesMax: 9 }), {
    code: 'LW_TRANSFER_ABORTED',
  })
  await t.rejects(transport.fetchBytes(server.url, { bytesMax: 9 }), {
    code: 'LW_TRANSFER_ABORTED',
  })
})

t.test('an unreachable server is said to be so, after a few attempts', async (t) => {
  const server = await startChaosServer(() => ({ kind: 'close' }))
  await server.stop()
  const { transport, sleeps } = transportOf()
  const got = transport.fetchBytes(server.url, { bytesMax: 9 })
  await t.rejects(got, { code: 'LW_TRANSFER_UNREACHABLE', exit: 75, detail: /nothing listens/ })
  t.equal(sleeps.length, 3)
  await transport.stop()
})

t.test('URLs that cannot be fetched are refused before anything is sent', async (t) => {
  const { transport } = transportOf()
  const urls = ['', 'a/b', 'file:///etc/passwd', 'ftp://a.test/', 'http://u:p@a.test/', 'http://']
  for (const url of [...urls, `http://a.test/${'x'.repeat(9000)}`]) {
    t.equal(await codeOf(transport.fetchBytes(url, { bytesMax: 1 })), 'LW_TRANSFER_URL', url)
  }
  await transport.stop()
})

t.test('S56: only allowed origins are contacted', async (t) => {
  await using allowed = await startChaosServer(() => ({ kind: 'answer', body: 'ok' }))
  await using other = await startChaosServer(() => ({ kind: 'answer', body: 'no' }))
  const { transport } = transportOf({ allowedOrigins: [allowed.url] })
  t.equal((await transport.fetchBytes(allowed.url, { bytesMax: 9 })).bytes.toString(), 'ok')
  t.equal(await codeOf(transport.fetchBytes(other.url, { bytesMax: 9 })), 'LW_TRANSFER_ORIGIN')
  const spelled = [`http://0x7f.1:${other.port}`, `http://2130706433:${other.port}`]
  for (const url of [...spelled, `http://[::ffff:127.0.0.1]:${other.port}`]) {
    t.equal(await codeOf(transport.fetchBytes(url, { bytesMax: 9 })), 'LW_TRANSFER_ORIGIN', url)
  }
  t.equal(other.requests.length, 0)
  await transport.stop()
})

t.test('S56: redirects are followed within the origin only, and not for ever', async (t) => {
  await using other = await startChaosServer(() => ({ kind: 'answer', body: 'stolen' }))
  const targets: Readonly<Record<string, string>> = {
    '/same': '/end',
    '/other': `${other.url}/end`,
    '/loop': '/loop',
    '/userinfo': 'http://u:p@127.0.0.1/',
    '/scheme': 'file:///etc/passwd',
    '/broken': 'http://[',
    '/downgrade': 'gopher://127.0.0.1',
  }
  await using server = await startChaosServer((request) => {
    const location = targets[request.target]
    if (location === undefined) return { kind: 'answer', body: 'end' }
    return { kind: 'answer', status: 302, headers: { location } }
  })
  const { transport } = transportOf()
  const authorization = 'Bearer secret'
  const get = (path: string) =>
    transport.fetchBytes(`${server.url}${path}`, { bytesMax: 9, authorization })
  t.equal((await get('/same')).bytes.toString(), 'end')
  t.equal(server.requests.at(-1)?.headers['authorization'], authorization, 'same origin keeps it')
  for (const path of Object.keys(targets).slice(1)) {
    t.equal(await codeOf(get(path)), 'LW_TRANSFER_REDIRECT', path)
  }
  t.equal(other.requests.length, 0, 'credentials and requests stay with the origin')
  const post = transport.postJson(`${server.url}/same`, { json: {}, bytesMax: 9 })
  t.equal(await codeOf(post), 'LW_TRANSFER_REDIRECT', 'a POST is not sent elsewhere')
  await transport.stop()
})

t.test('a 304 is an answer only to a conditional request', async (t) => {
  await using server = await startChaosServer((request) =>
    request.headers['if-none-match'] === '"one"'
      ? { kind: 'answer', status: 304 }
      : { kind: 'answer', headers: { etag: '"one"' }, body: 'v1' },
  )
  const { transport } = transportOf()
  const first = await transport.fetchConditional(server.url, { etag: undefined, bytesMax: 9 })
  t.match(first, { status: 200, etag: '"one"' })
  t.same(await transport.fetchConditional(server.url, { etag: '"one"', bytesMax: 9 }), {
    status: 304,
  })
  await transport.stop()
})

t.test("a server's own code arrives as that error, with our meaning of it", async (t) => {
  const problem = {
    type: 'about:blank',
    status: 400,
    code: 'LW_FORMAT_PATH',
    detail: 'The path "a\u001b[2J" is bad.',
    exit: 0,
    retryable: true,
    paths: ['a'],
    deep: { a: { b: { c: { d: { e: 1 } } } } },
  }
  const headers = { 'content-type': 'application/problem+json; charset=utf-8' }
  await using server = await startChaosServer(() => ({
    kind: 'answer',
    status: 503,
    headers,
    body: JSON.stringify(problem),
  }))
  const { transport } = transportOf()
  try {
    await transport.fetchBytes(server.url, { bytesMax: 1 })
    t.fail('accepted')
  } catch (error) {
    if (!isLongwaveError(error)) throw error
    t.match(error, { code: 'LW_FORMAT_PATH', exit: 2, retryable: false })
    t.equal(error.detail, 'The path "a [2J" is bad.')
    t.same(error.members['paths'], ['a'])
    t.equal(error.members['deep'], undefined, 'nested too deep')
    t.equal(error.members['httpStatus'], 503)
  }
  const foreign = [
    { code: 'LW_NOT_OURS' },
    { code: 'toString' },
    { code: '__proto__' },
    { code: 7 },
    { code: ['LW_FORMAT_PATH'] },
  ]
  for (const document of foreign) {
    server.behave(() => ({ kind: 'answer', status: 400, headers, body: JSON.stringify(document) }))
    const got = transport.fetchBytes(server.url, { bytesMax: 1 })
    t.equal(await codeOf(got), 'LW_TRANSFER_REFUSED', JSON.stringify(document))
  }
  const bodies = ['{', '[]', 'null', '\xff\xfe', '['.repeat(60_000), 'x'.repeat(70_000)]
  for (const body of bodies) {
    server.behave(() => ({ kind: 'answer', status: 404, headers, body }))
    const got = transport.fetchBytes(server.url, { bytesMax: 1 })
    t.equal(await codeOf(got), 'LW_TRANSFER_NOT_FOUND', body.slice(0, 10))
  }
  await transport.stop()
})

t.test('a POST is repeated only when that does no harm', async (t) => {
  await using server = await startChaosServer((request) =>
    request.number % 2 === 1
      ? { kind: 'close' }
      : { kind: 'answer', status: 201, body: request.body },
  )
  const { transport } = transportOf()
  const once = transport.postJson(server.url, { json: { a: 1 }, bytesMax: 99 })
  await t.rejects(once, { code: 'LW_TRANSFER_BROKEN' })
  t.equal(server.requests.length, 1)
  server.behave((request) =>
    request.number === 2 ? { kind: 'close' } : { kind: 'answer', status: 201, body: request.body },
  )
  const twice = await transport.postJson(server.url, {
    json: { a: 1 },
    bytesMax: 99,
    idempotent: true,
  })
  t.equal(twice.status, 201)
  t.equal(twice.bytes.toString(), '{"a":1}')
  t.equal(server.requests.at(-1)?.headers['content-type'], 'application/json')
  await transport.stop()
})

t.test(
  'a streamed upload is counted, repeated from its start, and fails with its source',
  async (t) => {
    await using server = await startChaosServer((request) =>
      request.number === 1
        ? { kind: 'answer', status: 503 }
        : { kind: 'answer', body: String(request.body.length) },
    )
    const { transport } = transportOf()
    async function* body() {
      yield Buffer.alloc(1000)
      yield Buffer.alloc(500)
    }
    const progress: number[] = []
    const options = { contentType: 'application/octet-stream', bytesMax: 99, idempotent: true }
    const answer = await transport.upload(server.url, {
      ...options,
      body,
      contentBytes: 1500,
      onProgress: (sent) => progress.push(sent),
    })
    t.equal(answer.bytes.toString(), '1500')
    t.same(progress, [1000, 1500, 1000, 1500])
    t.equal(server.requests[0]?.headers['content-length'], '1500')
    const failing = new Error('the disk is gone')
    const broken = transport.upload(server.url, {
      ...options,
      async *body() {
        yield Buffer.alloc(10)
        throw failing
      },
    })
    await t.rejects(broken, failing)
    await transport.stop()
  },
)

t.test('an upload that is refused before its end learns why', async (t) => {
  const server = http.createServer((_request, response) => {
    response.writeHead(403, { 'content-type': 'application/problem+json', connection: 'close' })
    response.end(JSON.stringify({ code: 'LW_FORMAT_PATH', detail: 'Not this one.' }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { transport } = transportOf()
  const upload = transport.upload(`http://127.0.0.1:${port}/`, {
    contentType: 'application/octet-stream',
    bytesMax: 99,
    async *body() {
      for (let at = 0; at < 500; at += 1) yield Buffer.alloc(64 * 1024)
    },
  })
  await t.rejects(upload, { code: 'LW_FORMAT_PATH' })
  await transport.stop()
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

t.test('an upload that the server does not take is given up after the stall time', async (t) => {
  const server = http.createServer(() => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { transport } = transportOf({ timeouts: { stallMs: 200 } })
  const upload = transport.upload(`http://127.0.0.1:${port}/`, {
    contentType: 'application/octet-stream',
    bytesMax: 99,
    async *body() {
      for (let at = 0; at < 500; at += 1) yield Buffer.alloc(64 * 1024)
    },
  })
  await t.rejects(upload, { code: 'LW_TRANSFER_STALLED', exit: 75 })
  await transport.stop()
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})
