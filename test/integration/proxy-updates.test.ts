import { randomBytes } from 'node:crypto'
import type http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import t from 'tap'
import { request as ask } from 'undici'
import { startProxyFixture } from '../support/proxy-fixture.ts'
import { startFakeOrigin } from '../support/proxy-origin.ts'
import { serveUpdates, updateRequest } from '../support/proxy-update-requests.ts'
import { rawExchange } from '../support/raw-http.ts'
import { selfSigned } from '../support/self-signed.ts'

t.test('C85 C91 S66: body and fields go up unchanged, and only what belongs there', async (t) => {
  const fixture = await startProxyFixture(t)
  const seen: http.IncomingHttpHeaders[] = []
  const answers = Buffer.from('{"odd" :  "spacing"}')
  let sent: Uint8Array = new Uint8Array()
  fixture.origin.on('/site/update', (request, response) => {
    seen.push(request.headers)
    sent = request.body
    response.writeHead(409, {
      'content-type': 'application/problem+json',
      'cache-control': 'private, no-store',
      'set-cookie': 'a=b',
      'longwave-extra': 'yes',
      connection: 'longwave-extra2',
      'retry-after': '7',
    })
    response.end(answers)
  })
  const body = randomBytes(100_000)
  const answer = await ask(fixture.via('update'), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'content-encoding': 'br',
      'longwave-tuner': 'key; sig=x',
      authorization: 'Bearer lwt1.ticket',
      cookie: 'session=1',
      'x-forwarded-for': '8.8.8.8',
      'x-forwarded-host': 'evil.example',
      forwarded: 'for=8.8.8.8',
      'x-http-method-override': 'DELETE',
      te: 'trailers',
      'proxy-authorization': 'Basic abc',
    },
    body,
  })
  t.ok(body.equals(sent))
  t.equal(answer.statusCode, 409)
  t.same(Buffer.from(await answer.body.arrayBuffer()), answers)
  t.match(answer.headers, {
    'content-type': 'application/problem+json',
    'cache-control': 'private, no-store',
    'longwave-extra': 'yes',
    'retry-after': '7',
    'set-cookie': undefined,
  })
  const [headers] = seen
  t.same(Object.keys(headers ?? {}).sort(), [
    'authorization',
    'connection',
    'content-encoding',
    'content-length',
    'content-type',
    'host',
    'longwave-tuner',
  ])
  t.equal(headers?.host, new URL(fixture.origin.url).host)
})

t.test('S56: credentials reach the origin of their request and no other', async (t) => {
  const other = await startFakeOrigin()
  t.teardown(async () => other[Symbol.asyncDispose]())
  const origin = await startFakeOrigin()
  const fixture = await startProxyFixture(t, { origin, origins: [origin.url, other.url] })
  serveUpdates(other, {})
  const { body, signature } = updateRequest(1)
  const via = `${fixture.url}/-/via/${encodeURIComponent(other.url)}/site`
  await ask(fixture.via('trust/timestamp.json'), { headers: { authorization: 'Bearer first' } })
  await ask(`${via}/update`, {
    method: 'POST',
    headers: { 'longwave-tuner': signature, authorization: 'Bearer second' },
    body,
  })
  t.same(
    origin.seen.map((one) => one.headers.authorization),
    ['Bearer first'],
  )
  t.same(
    other.seen.map((one) => one.headers.authorization),
    ['Bearer second'],
  )
})

t.test('S57: it is no open proxy', async (t) => {
  const fixture = await startProxyFixture(t)
  const { host } = new URL(fixture.origin.url)
  const heads = [
    `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n`,
    `GET ${fixture.origin.url}/site/trust/timestamp.json HTTP/1.1\r\nHost: ${host}\r\n`,
    `GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n`,
    `TRACE /-/via/x/site/update HTTP/1.1\r\nHost: ${host}\r\n`,
    `GET //${host}/site HTTP/1.1\r\nHost: ${host}\r\n`,
    `GET /-/via/${encodeURIComponent('http://127.0.0.1:1')}/site/subscription HTTP/1.1\r\nHost: a\r\n`,
    `POST /-/via/${encodeURIComponent('http://127.0.0.1:1')}/site/update HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n`,
    `POST /-/via/${encodeURIComponent(fixture.origin.url)}/site/releases HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n`,
  ]
  for (const head of heads) {
    const answer = await rawExchange(fixture.url, `${head}Connection: close\r\n\r\n`)
    t.notMatch(answer, /^HTTP\/1\.1 2/, head.split('\r')[0] ?? '')
  }
  t.equal(fixture.origin.seen.length, 0, 'nothing went anywhere')
})

t.test('S57: a redirect is not followed', async (t) => {
  const fixture = await startProxyFixture(t)
  const trap = await startFakeOrigin()
  t.teardown(async () => trap[Symbol.asyncDispose]())
  for (const rest of ['update', 'subscription', `objects/${'a'.repeat(64)}`]) {
    fixture.origin.on(`/site/${rest}`, (_request, response) => {
      response.writeHead(307, { location: `${trap.url}/x` })
      response.end()
    })
  }
  t.equal((await ask(fixture.via('update'), { method: 'POST', body: '{}' })).statusCode, 502)
  t.equal((await ask(fixture.via('subscription'))).statusCode, 502)
  t.equal((await ask(fixture.via(`objects/${'a'.repeat(64)}`))).statusCode, 502)
  t.equal(trap.seen.length, 0)
})

t.test('C87: HTTP/2 upstream where it is offered, one origin certificate trusted', async (t) => {
  const tls = selfSigned(['127.0.0.1'])
  const versions = new Set<string>()
  const origin = await startFakeOrigin((listener) => {
    const server = http2.createSecureServer(
      { key: tls.key, cert: tls.certificate, allowHTTP1: true },
      (request, response) => {
        versions.add(request.httpVersion)
        listener(
          request as unknown as http.IncomingMessage,
          response as unknown as http.ServerResponse,
        )
      },
    )
    return server as unknown as http.Server
  })
  const fixture = await startProxyFixture(t, { origin, authorities: [tls.certificate] })
  const log = serveUpdates(origin, {})
  const bytes = randomBytes(500_000)
  const digest = origin.object(bytes)
  await Promise.all(
    Array.from({ length: 200 }, async (_, at) => {
      const { body, signature } = updateRequest(at)
      const headers = { 'longwave-tuner': signature }
      const answer = await ask(fixture.via('update'), { method: 'POST', headers, body })
      if (answer.statusCode !== 200) throw new Error(`answered ${answer.statusCode}`)
      await answer.body.dump()
    }),
  )
  const answer = await ask(fixture.via(`objects/${digest}`))
  t.same(Buffer.from(await answer.body.arrayBuffer()), bytes)
  t.equal(log.entries.size, 200)
  t.same([...versions], ['2.0'])
  t.ok(origin.socketsAtOnce() <= 4)
})

t.test('C92: an origin whose certificate is not trusted is not reached', async (t) => {
  const tls = selfSigned(['127.0.0.1'])
  const origin = await startFakeOrigin((listener) =>
    https.createServer({ key: tls.key, cert: tls.certificate }, listener),
  )
  const fixture = await startProxyFixture(t, { origin })
  const answer = await ask(fixture.via('update'), { method: 'POST', body: '{}' })
  t.equal(answer.statusCode, 502)
  t.equal(origin.seen.length, 0)
})

t.test('C89: polls are asked once for all, and again with their tag', async (t) => {
  let now = 1_000_000
  const fixture = await startProxyFixture(t, { clock: { now: () => now } })
  const poll = fixture.via('trust/timestamp.json')
  const answers = await Promise.all(Array.from({ length: 100 }, () => ask(poll)))
  t.ok(answers.every((answer) => answer.statusCode === 200))
  t.equal(fixture.origin.seen.length, 1)
  const same = await ask(poll, { headers: { 'if-none-match': '"t1"' } })
  t.equal(same.statusCode, 304)
  t.equal(fixture.origin.seen.length, 1, 'within s-maxage nothing goes up')
  now += 5001
  await ask(poll)
  t.equal(fixture.origin.seen.at(-1)?.headers['if-none-match'], '"t1"')
  t.equal(fixture.origin.seen.length, 2)
})

t.test('C89: trust files are kept when they are what their names say', async (t) => {
  const fixture = await startProxyFixture(t)
  let text = '<html>not there</html>'
  fixture.origin.on('/site/trust/2.root.json', (_request, response) => {
    response.writeHead(200, { 'cache-control': 'public, max-age=31536000, immutable' })
    response.end(text)
  })
  await ask(fixture.via('trust/timestamp.json'))
  t.equal(await (await ask(fixture.via('trust/2.root.json'))).body.text(), text)
  text = '{"signed":{"_type":"root","version":2}}'
  t.equal(await (await ask(fixture.via('trust/2.root.json'))).body.text(), text)
  t.equal(await (await ask(fixture.via('trust/2.root.json'))).body.text(), text)
  t.equal(fixture.origin.count('GET', '/site/trust/2.root.json'), 2)
  t.equal((await ask(fixture.via('trust/3.root.json'))).statusCode, 404)
  t.equal((await ask(fixture.via('trust/3.root.json'))).statusCode, 404)
  t.equal(fixture.origin.count('GET', '/site/trust/3.root.json'), 2, 'absence is not kept')
})
