// How a transmitter answers what RFC 9110 and RFC 9112 leave to servers to refuse.
import t from 'tap'
import { digestOf } from '../../protocol/index.ts'
import { rawExchange } from '../support/raw-http.ts'
import {
  RawPublisher,
  startTransmitter,
  type TransmitterStage,
} from '../support/transmitter-stage.ts'

t.setTimeout(120_000)

async function stageWith(t: Parameters<typeof startTransmitter>[0]): Promise<TransmitterStage> {
  const stage = await startTransmitter(t)
  await new RawPublisher(stage, 'site').publish({ a: 'one' })
  await new RawPublisher(stage, 'secret').publish({ a: 'hidden' }, { access: 'closed' })
  return stage
}

/** Status, fields and body of one answer to bytes that are sent as they are. */
async function exchange(stage: TransmitterStage, line: string, ...fields: string[]) {
  const { host } = new URL(stage.url)
  const named = fields.map((field) => field.replace('$HOST', host))
  const lines = [line.replace('$HOST', host), ...named, 'Connection: close', '', '']
  const answer = await rawExchange(stage.url, lines.join('\r\n'))
  const [head = '', body = ''] = answer.split('\r\n\r\n', 2)
  const fieldOf = (name: string) => new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]
  return { status: Number(head.slice(9, 12)), head, body, fieldOf }
}

t.test(
  'an address that takes other methods says which; one without a route says 404',
  async (t) => {
    const stage = await stageWith(t)
    const sha = digestOf('one')
    const allowed: Readonly<Record<string, string>> = {
      '/': 'GET, HEAD',
      '/site': 'GET, HEAD',
      '/site/subscription': 'GET, HEAD',
      '/site/index': 'GET, HEAD',
      '/site/files/a': 'GET, HEAD',
      '/site/trust/timestamp.json': 'GET, HEAD',
      [`/site/objects/${sha}`]: 'GET, HEAD',
      [`/site/deltas/0..1/${sha}`]: 'GET, HEAD',
      '/site/releases': 'GET, HEAD, POST',
      '/site/update': 'POST',
      '/-/health': 'GET, HEAD',
      '/-/metrics?x': 'GET, HEAD',
    }
    for (const [path, allow] of Object.entries(allowed)) {
      for (const method of ['PUT', 'DELETE', 'PATCH']) {
        const answer = await fetch(stage.url + path, {
          method,
          headers: { 'content-type': 'x/y' },
          body: 'a body',
        })
        t.match(await answer.json(), { code: 'LW_SERVE_METHOD', status: 405 }, `${method} ${path}`)
        t.equal(answer.headers.get('allow'), allow, path)
        t.match(answer.headers.get('content-type'), 'application/problem+json')
        t.equal(answer.headers.get('cache-control'), 'no-store')
      }
    }
    t.match(await exchange(stage, 'TRACE /site/index HTTP/1.1', 'Host: x'), { status: 405 })
    t.equal((await fetch(`${stage.url}/site/update`)).status, 405)
    for (const method of ['GET', 'PUT', 'POST']) {
      const unknown = await fetch(`${stage.url}/site/no/such/thing`, { method })
      t.match(await unknown.json(), { code: 'LW_SERVE_NOT_FOUND' }, method)
      t.equal(unknown.headers.get('allow'), null)
    }
  },
)

t.test('no method tells a closed channel from one that is not there', async (t) => {
  const stage = await stageWith(t)
  const sha = digestOf('hidden')
  const rests = ['', '/index', '/trust/timestamp.json', `/objects/${sha}`, '/releases', '/no/thing']
  for (const rest of rests) {
    for (const method of ['PUT', 'DELETE', 'OPTIONS']) {
      const [closed, absent] = await Promise.all(
        ['secret', 'nobody'].map(async (name) => {
          const answer = await fetch(`${stage.url}/${name}${rest}`, { method })
          const { request: _request, ...body } = (await answer.json()) as Record<string, unknown>
          return { status: answer.status, allow: answer.headers.get('allow'), body }
        }),
      )
      t.same(closed, absent, `${method} ${rest}`)
    }
  }
  const metrics = await (await fetch(`${stage.url}/-/metrics`)).text()
  t.match(metrics, /longwave_channel_commits_total\{channel="site",kind="won"\} 1/)
  t.match(metrics, /longwave_channel_commits_total\{channel="\(closed\)",kind="won"\} 1/)
  t.notMatch(metrics, 'secret')
})

t.test('what a condition or a range refuses is a problem that nobody keeps', async (t) => {
  const stage = await stageWith(t)
  const sha = digestOf('one')
  for (const path of [`/site/objects/${sha}`, '/site/files/a']) {
    const failed = await fetch(stage.url + path, { headers: { 'if-match': '"other"' } })
    t.equal(failed.status, 412)
    t.match(await failed.json(), { code: /PRECONDITION/ }, path)
    const outside = await fetch(stage.url + path, { headers: { range: 'bytes=99-' } })
    t.equal(outside.status, 416)
    t.match(await outside.json(), { code: /RANGE/ }, path)
    t.equal(outside.headers.get('content-range'), 'bytes */3')
    for (const { headers } of [failed, outside]) {
      t.match(headers.get('content-type'), 'application/problem+json')
      t.equal(headers.get('cache-control'), 'no-store')
      t.equal(headers.get('allow'), null, 'only a 405 says what is allowed')
    }
  }
  const object = await fetch(`${stage.url}/site/objects/${sha}`, { headers: { range: 'bytes=9-' } })
  t.equal(object.headers.get('etag'), `"${sha}"`)
})

t.test('two ranges that contradict each other are none', async (t) => {
  const stage = await stageWith(t)
  for (const path of [`/site/objects/${digestOf('one')}`, '/site/files/a']) {
    const twice = ['Range: bytes=0-0', 'Range: bytes=1-1']
    t.match(await exchange(stage, `GET ${path} HTTP/1.1`, 'Host: x', ...twice), {
      status: 200,
      body: 'one',
    })
  }
})

t.test('targets: absolute ones of this server, empty parts, and *', async (t) => {
  const stage = await stageWith(t)
  for (const path of ['/site/subscription', '/site/trust/timestamp.json', '/']) {
    const own = await exchange(stage, `GET http://$HOST${path} HTTP/1.1`, 'Host: $HOST')
    t.equal(own.status, 200, path)
  }
  const expected: readonly (readonly [string, number])[] = [
    ['GET http://$HOST HTTP/1.1', 200],
    ['GET http://elsewhere.test/site/subscription HTTP/1.1', 421],
    ['GET //site/subscription HTTP/1.1', 404],
    ['GET //subscription HTTP/1.1', 404],
    ['GET * HTTP/1.1', 400],
    ['OPTIONS * HTTP/1.1', 404],
  ]
  for (const [line, status] of expected) {
    const answer = await exchange(stage, line, 'Host: $HOST')
    t.equal(answer.status, status, line)
    if (status >= 400) t.match(answer.fieldOf('content-type'), 'application/problem+json', line)
  }
})

t.test('no Host and an unknown expectation are answered as every other error', async (t) => {
  const stage = await stageWith(t)
  for (const path of ['/', '/site/trust/timestamp.json', `/site/objects/${digestOf('one')}`]) {
    const refused = [
      await exchange(stage, `GET ${path} HTTP/1.1`),
      await exchange(stage, `GET ${path} HTTP/1.1`, 'Host: a', 'Host: b'),
      await exchange(stage, `GET ${path} HTTP/1.1`, 'Host: $HOST', 'Expect: foo'),
    ]
    t.same(
      refused.map((answer) => answer.status),
      [400, 400, 417],
      path,
    )
    for (const { fieldOf, body } of refused) {
      t.equal(fieldOf('content-type'), 'application/problem+json')
      t.equal(fieldOf('cache-control'), 'no-store')
      t.match(JSON.parse(body), { code: /^LW_SERVE_(REQUEST|EXPECTATION)$/ })
    }
    t.equal((await exchange(stage, `GET ${path} HTTP/1.0`)).status, 200, 'HTTP/1.0 knew no Host')
  }
})
