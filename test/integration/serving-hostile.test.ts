import t from 'tap'
import {
  createHttpServer,
  createLogger,
  type HttpServer,
  pollResponder,
} from '../../serving/index.ts'
import { createTransport } from '../../transport/index.ts'
import { closeOf, rawConnection, rawExchange } from '../support/raw-http.ts'

const quick = {
  timeouts: { headersMs: 200, requestMs: 60_000, connectionsCheckMs: 50, keepAliveMs: 300 },
  slowClients: { sweepMs: 20, senderWindowMs: 200, readerStallMs: 300 },
}

async function startServer(setUp: (app: HttpServer['app']) => void = () => undefined) {
  const server = createHttpServer({
    logger: createLogger({ name: 'test', level: 'silent' }),
    ...quick,
  })
  const seen: string[] = []
  server.hot.set(
    '/hot',
    pollResponder({
      bytes: Buffer.from('hot'),
      etag: '"h"',
      mime: 'text/plain',
      cacheControl: 'no-cache',
    }).handler,
  )
  server.app.all('/*', async (request) => {
    seen.push(`${request.method} ${request.url}`)
    return 'routed'
  })
  setUp(server.app)
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  return { server, url, seen }
}

const head = (line: string, ...fields: string[]) =>
  `${[line, 'host: a', ...fields].join('\r\n')}\r\n\r\n`

t.test('S53: requests with two readings get one answer at most, then a close', async (t) => {
  const { server, url, seen } = await startServer()
  const hidden = head('GET /smuggled HTTP/1.1')
  const framings = [
    head('POST /a HTTP/1.1', 'content-length: 4', 'transfer-encoding: chunked') +
      `0\r\n\r\n${hidden}`,
    head('POST /a HTTP/1.1', 'transfer-encoding: chunked', 'content-length: 4') +
      `0\r\n\r\n${hidden}`,
    head('POST /a HTTP/1.1', 'content-length: 4', 'content-length: 5') + hidden,
    head('POST /a HTTP/1.1', 'content-length: 4, 4') + hidden,
    head('POST /a HTTP/1.1', 'content-length: +4') + hidden,
    head('POST /a HTTP/1.1', 'content-length: 0x4') + hidden,
    head('POST /a HTTP/1.1', 'transfer-encoding: xchunked') + hidden,
    head('POST /a HTTP/1.1', 'transfer-encoding: chunked, identity') + hidden,
    head('POST /a HTTP/1.1', 'transfer-encoding : chunked') + hidden,
    head('POST /a HTTP/1.1', ' transfer-encoding: chunked') + hidden,
    `${head('POST /a HTTP/1.1', 'transfer-encoding: chunked')}zz\r\n${hidden}`,
    `${head('POST /a HTTP/1.1', 'transfer-encoding: chunked')}-1\r\n${hidden}`,
    head('POST /a HTTP/1.1', 'x: y\rtransfer-encoding: chunked') + hidden,
    head('GET /a HTTP/1.1', 'x: y\u0000z') + hidden,
    'GET /a HTTP/1.1\r\n\r\n',
    'GET /a HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n',
    'GET /a HTTP/9.9\r\nhost: a\r\n\r\n',
    '\u0016\u0003\u0001',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ]
  for (const bytes of framings) {
    const answer = await rawExchange(url, bytes)
    const answers = answer.match(/HTTP\/1\.1 \d{3}/g) ?? []
    const name = JSON.stringify(bytes.slice(0, 70))
    t.ok(answers.length <= 1, name)
    t.notOk(
      answers.some((one) => one.endsWith('200')),
      `${name}: ${answers.join()}`,
    )
  }
  t.notOk(
    seen.some((line) => line.includes('smuggled')),
    'nothing hidden was routed',
  )
  await server.stop()
})

t.test('S53: a hot route does not take a request with a body for another one', async (t) => {
  const { server, url, seen } = await startServer()
  const hidden = head('GET /smuggled HTTP/1.1')
  const bytes = head('GET /hot HTTP/1.1', `content-length: ${hidden.length}`, 'connection: close')
  const answer = await rawExchange(url, bytes + hidden)
  t.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1)
  t.notOk(seen.includes('GET /smuggled'))
  await server.stop()
})

t.test('S57: the server is no open proxy', async (t) => {
  const { server, url, seen } = await startServer()
  const requests = [
    'CONNECT evil.test:443 HTTP/1.1',
    'GET http://evil.test/ HTTP/1.1',
    'GET //evil.test/ HTTP/1.1',
    'GET https://evil.test/ HTTP/1.1',
    'TRACE / HTTP/1.1',
    'OPTIONS http://evil.test/ HTTP/1.1',
    'PROPFIND / HTTP/1.1',
  ]
  for (const line of requests) {
    const answer = await rawExchange(url, head(line, 'connection: close'))
    t.notMatch(answer, /HTTP\/1\.1 2/, line)
  }
  t.same(seen, [])
  await server.stop()
})

t.test('S69: no spelling of a climbing path reaches a route', async (t) => {
  const { server, url, seen } = await startServer()
  const dots = ['..', '.', '%2e%2e', '%2E.', '.%2e', '..;', '..;a=b', '..%20', '%20..']
  const wrapped = dots.flatMap((one) => [
    `/${one}`,
    `/${one}/etc/passwd`,
    `/a/${one}/b`,
    `/a/${one}`,
  ])
  const others = ['/a\\..\\b', '/a%5c..%5cb', '/%00', '/a%00.txt', '/%2e%2e%2fa', '/a%2f%2e%2e%2fb']
  const broken = ['/%', '/%zz', '/%c0%ae%c0%ae/', '/%e0%80%ae/', '/a%0d%0ax:y']
  for (const path of [...wrapped, ...others, ...broken]) {
    const answer = await rawExchange(url, head(`GET ${path} HTTP/1.1`, 'connection: close'))
    t.match(answer, /^HTTP\/1\.1 400 /, path)
  }
  t.same(seen, [])
  await server.stop()
})

t.test(
  'S58: slow heads, slow bodies and idle connections are cut; others are served',
  async (t) => {
    const { server, url } = await startServer((app) => {
      app.addContentTypeParser('application/slow', (_request, body, done) => {
        body.resume()
        body.on('end', () => done(null))
      })
    })
    const slowHead = 'GET /a HTTP/1.1\r\nhost: a\r\nx: '
    const slowBody = head(
      'POST /a HTTP/1.1',
      'content-type: application/slow',
      'content-length: 1000',
    )
    const endless = head(
      'POST /a HTTP/1.1',
      'content-type: application/slow',
      'transfer-encoding: chunked',
    )
    const starts = [slowHead, slowBody, endless, '', 'G', head('GET /hot HTTP/1.1')]
    const sockets = await Promise.all(Array.from({ length: 120 }, () => rawConnection(url)))
    const cut = sockets.map((socket, at) => {
      socket.resume()
      socket.write(starts[at % starts.length] ?? '')
      // A byte now and then, which a mere idle time-out would take for life.
      const timer = setInterval(() => socket.write(at % starts.length < 3 ? 'x' : ''), 40)
      return closeOf(socket).finally(() => clearInterval(timer))
    })
    const transport = createTransport({ userAgent: 'healthy', retry: { attemptsMax: 1 } })
    const slowest: number[] = []
    for (let at = 0; at < 50; at += 1) {
      const started = performance.now()
      await transport.fetchBytes(`${url}/hot`, { bytesMax: 9 })
      await transport.fetchBytes(`${url}/routed`, { bytesMax: 9 })
      slowest.push(performance.now() - started)
    }
    t.equal(slowest.length, 50, 'healthy requests are answered meanwhile')
    await Promise.all(cut)
    const open = sockets.filter((socket) => !socket.destroyed)
    t.equal(open.length, 0, 'all 120 slow connections are cut')
    await transport.stop()
    await server.stop()
  },
)

t.test('S58: a slow but steady upload is left alone', async (t) => {
  const { server, url } = await startServer((app) => {
    app.addContentTypeParser('application/slow', (_request, body, done) => {
      let bytes = 0
      body.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      body.on('end', () => done(null, { bytes }))
    })
    app.post('/count', async (request) => request.body)
  })
  const socket = await rawConnection(url)
  socket.write(
    head(
      'POST /count HTTP/1.1',
      'content-type: application/slow',
      'content-length: 3000',
      'connection: close',
    ),
  )
  let sent = 0
  const timer = setInterval(() => {
    socket.write('x'.repeat(100))
    sent += 100
    if (sent === 3000) clearInterval(timer)
  }, 20)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  await closeOf(socket)
  clearInterval(timer)
  t.match(Buffer.concat(chunks).toString(), /\{"bytes":3000\}/)
  await server.stop()
})

t.test('heads that are too long or too many are refused', async (t) => {
  const { server, url } = await startServer()
  const long = await rawExchange(url, head('GET /a HTTP/1.1', `x: ${'y'.repeat(20_000)}`))
  t.match(long, /^HTTP\/1\.1 431 .*\r\n/)
  t.match(long, /LW_SERVE_HEADERS_TOO_LARGE/)
  const target = await rawExchange(
    url,
    head(`GET /${'x'.repeat(9000)} HTTP/1.1`, 'connection: close'),
  )
  t.match(target, /^HTTP\/1\.1 400 /)
  t.ok(server.counters.malformedRequests >= 1)
  await server.stop()
})

t.test('S66: odd content types do not slip past the body checks', async (t) => {
  const schema = { body: { type: 'object', required: ['a'], properties: { a: {} } } }
  const { server, url } = await startServer((app) => {
    app.post('/checked', { schema }, async () => 'accepted')
  })
  const types = [
    'application/json\t;',
    'application/json ;',
    'application/json;',
    'APPLICATION/JSON',
  ]
  const odd = [
    'application/json;charset=utf-7',
    'application/jsonx',
    'text/plain;application/json',
    '',
  ]
  for (const type of [...types, ...odd]) {
    const fields = [`content-type: ${type}`, 'content-length: 2', 'connection: close']
    const answer = await rawExchange(url, `${head('POST /checked HTTP/1.1', ...fields)}{}`)
    t.notMatch(answer, /accepted/, JSON.stringify(type))
    t.match(answer, /^HTTP\/1\.1 4/, JSON.stringify(type))
  }
  await server.stop()
})
