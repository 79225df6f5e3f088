import { brotliDecompressSync } from 'node:zlib'
import t from 'tap'
import { decodeDcz } from '../../delta/dictionary/index.ts'
import { applyGdiff } from '../../delta/gdiff/index.ts'
import { parseDrpIndex } from '../../protocol/drp/index.ts'
import { ChannelList, checkDocument, digestOf, SubscriptionDocument } from '../../protocol/index.ts'
import { rawExchange } from '../support/raw-http.ts'
import { noise, RawPublisher, startTransmitter } from '../support/transmitter-stage.ts'

t.setTimeout(120_000)

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer())
}

function urn(bytes: string | Uint8Array): string {
  return `urn:sha256:${Buffer.from(digestOf(bytes), 'hex').toString('base64')}`
}

t.test('C6: a poll is one small request, answered by 304 while nothing changed', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.publish({ a: 'one' })
  const url = `${stage.url}/site/trust/timestamp.json`
  const first = await fetch(url)
  t.equal(first.headers.get('cache-control'), 'public, max-age=0, s-maxage=5')
  t.ok((await bytesOf(first)).byteLength < 1024)
  const etag = first.headers.get('etag') ?? ''
  t.equal((await fetch(url, { headers: { 'if-none-match': etag } })).status, 304)
  t.equal((await fetch(url, { method: 'HEAD' })).headers.get('etag'), etag)
  await publisher.publish({ a: 'two' })
  const next = await fetch(url, { headers: { 'if-none-match': etag } })
  t.equal(next.status, 200)
  const metrics = await (await fetch(`${stage.url}/-/metrics`)).text()
  t.match(metrics, /longwave_channel_polls_total\{channel="site"\} 4/)
  t.match(metrics, /longwave_channel_commits_total\{channel="site",kind="won"\} 2/)
})

t.test('C24 C25 S67: lists, pages and subscriptions, for browsers and for programs', async (t) => {
  const stage = await startTransmitter(t)
  const empty = await (await fetch(`${stage.url}/`, { headers: { accept: 'text/html' } })).text()
  t.match(empty, 'longwave publish')
  const publisher = new RawPublisher(stage, 'site')
  const title = '<script>alert(1)</script>"\'&'
  await publisher.publish({ a: 'one' }, { title, description: '<img src=x onerror=alert(1)>' })
  for (const accept of [undefined, '*/*', 'application/json', 'text/html;q=0']) {
    const response = await fetch(
      `${stage.url}/`,
      accept === undefined ? {} : { headers: { accept } },
    )
    const list = checkDocument(ChannelList, await response.json())
    t.match(list.channels, [{ name: 'site', release: 1, title, state: 'active' }], accept ?? 'none')
    t.equal(response.headers.get('vary'), 'accept')
  }
  for (const path of ['/', '/site']) {
    const response = await fetch(`${stage.url}${path}`, {
      headers: { accept: 'text/html,*/*;q=0.8' },
    })
    const page = await response.text()
    t.match(response.headers.get('content-type'), 'text/html')
    t.match(response.headers.get('content-security-policy'), "default-src 'none'")
    t.notOk(/<script|<img|onerror=alert\(1\)>/.test(page), 'what a title says does nothing')
    t.match(page, `longwave:${stage.url}/site#${publisher.channelId}`)
  }
  const response = await fetch(`${stage.url}/site/subscription`)
  t.match(response.headers.get('content-type'), 'application/vnd.longwave.subscription+json')
  t.match(checkDocument(SubscriptionDocument, await response.json()), {
    url: `${stage.url}/site`,
    channel: publisher.channelId,
  })
})

t.test('C46: objects are immutable, tell their digest, and have ranges', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  const contents = { small: 'small one', large: noise(3_000_000) }
  await publisher.publish(contents)
  for (const content of Object.values(contents)) {
    const url = `${stage.url}/site/objects/${digestOf(content)}`
    for (const _time of [1, 2]) {
      const response = await fetch(url)
      t.match(response.headers.get('cache-control'), 'immutable')
      t.equal(response.headers.get('vary'), null)
      const digest = Buffer.from(digestOf(content), 'hex').toString('base64')
      t.equal(response.headers.get('repr-digest'), `sha-256=:${digest}:`)
      t.equal(digestOf(await bytesOf(response)), digestOf(content))
    }
    const part = await fetch(url, { headers: { range: 'bytes=2-5' } })
    t.equal(part.status, 206)
    t.same(await bytesOf(part), Buffer.from(content).subarray(2, 6))
    const head = await fetch(url, { method: 'HEAD' })
    t.equal(Number(head.headers.get('content-length')), Buffer.from(content).byteLength)
  }
  const other = new RawPublisher(stage, 'other')
  await other.publish({ own: 'own' })
  const elsewhere = await fetch(`${stage.url}/other/objects/${digestOf('small one')}`)
  t.equal(elsewhere.status, 404, 'knowing a hash grants nothing')
  t.equal(elsewhere.headers.get('cache-control'), 'no-store')
})

t.test(
  'C23: objects are compressed in the background where it pays, a restart goes on',
  async (t) => {
    const stage = await startTransmitter(t)
    const publisher = new RawPublisher(stage, 'site')
    const contents = { page: 'lorem ipsum '.repeat(5000), tiny: 'tiny', packed: noise(20_000) }
    await publisher.publish(contents)
    await stage.transmitter.idle()
    const packed = async (url: string, content: string | Uint8Array) =>
      fetch(`${url}/site/objects/${digestOf(content)}.br`)
    const response = await packed(stage.url, contents.page)
    t.equal(response.status, 200)
    t.equal(response.headers.get('content-encoding'), null)
    t.equal(brotliDecompressSync(await bytesOf(response)).toString(), contents.page)
    t.equal((await packed(stage.url, contents.tiny)).status, 404)
    t.equal((await packed(stage.url, contents.packed)).status, 404)
    await publisher.publish({ ...contents, late: 'dolor sit amet '.repeat(5000) })
    const again = await stage.restart()
    const late = 'dolor sit amet '.repeat(5000)
    if ((await packed(again.url, late)).status === 404) await again.transmitter.idle()
    t.equal((await packed(again.url, late)).status, 200, 'who asks in vain sets it going')
  },
)

t.test(
  'DESIGN 5: a closed channel is told of to nobody and read by nobody without a token',
  async (t) => {
    const stage = await startTransmitter(t)
    const publisher = new RawPublisher(stage, 'site')
    await publisher.publish({ 'index.html': 'one' }, { access: 'closed' })
    const sha = digestOf('one')
    const routes = [
      '',
      '/subscription',
      '/trust/timestamp.json',
      '/trust/1.root.json',
      `/objects/${sha}`,
      `/objects/${sha}.br`,
      '/deltas/0..1',
      '/index',
      '/files/index.html',
    ]
    for (const route of routes) {
      const response = await fetch(`${stage.url}/site${route}`)
      await response.arrayBuffer()
      t.equal(response.status, 401, route)
    }
    t.same(((await (await fetch(`${stage.url}/`)).json()) as { channels: unknown[] }).channels, [])
    const own = await publisher.call(`/objects/${sha}`)
    t.equal(own.status, 200)
    t.match(own.headers.get('cache-control'), 'private')
    await publisher.publish({ 'index.html': 'one' }, { access: 'open' })
    t.equal((await fetch(`${stage.url}/site/trust/timestamp.json`)).status, 200)
    await publisher.publish({ 'index.html': 'one' }, { access: 'closed' })
    t.equal((await fetch(`${stage.url}/site/trust/timestamp.json`)).status, 401)
    t.equal((await fetch(`${stage.url}/site/objects/${sha}`)).status, 401, 'nor from memory')
  },
)

t.test('C18 C19: the newest release by DRP: index, files, differences', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  const old = `<p>${Buffer.from(noise(20_000)).toString('hex')}</p>`
  const now = `${old}<p>news</p>`
  await publisher.publish({ 'index.html': old, 'b/ü #.txt': 'two' })
  const firstIndex = await bytesOf(await fetch(`${stage.url}/site/index`))
  await publisher.publish({ 'index.html': now, 'b/ü #.txt': 'two' })
  await stage.transmitter.idle()
  const url = `${stage.url}/site/files/index.html`

  const response = await fetch(`${stage.url}/site/index`)
  t.match(response.headers.get('content-type'), 'application/xml')
  const xml = await bytesOf(response)
  const index = parseDrpIndex(xml, { url: `${stage.url}/site/index` })
  t.same(index.files.map((file) => file.path).sort(), ['b/ü #.txt', 'index.html'])
  t.equal(index.base, `${stage.url}/site/files/`)
  const changed = await fetch(`${stage.url}/site/index`, {
    headers: { 'differential-id': urn(firstIndex) },
  })
  t.equal(changed.headers.get('content-type'), 'application/gdiff')
  const patched = applyGdiff(firstIndex, await bytesOf(changed), { outputBytesMax: 1e6 })
  t.ok(Buffer.from(patched).equals(xml))
  const md5 = await (await fetch(`${stage.url}/site/index?ids=md5`)).text()
  t.match(md5, 'urn:md5:')

  const plain = await fetch(url)
  t.equal(await plain.text(), now)
  t.match(plain.headers.get('content-security-policy'), 'sandbox')
  t.match(plain.headers.get('content-type'), 'text/html')
  t.equal(await (await fetch(`${stage.url}/site/files/b/%C3%BC%20%23.txt`)).text(), 'two')
  t.equal(await (await fetch(`${stage.url}/site/files/`)).text(), now, 'a folder’s page')

  const drp = await fetch(url, { headers: { 'content-id': urn(now), 'differential-id': urn(old) } })
  t.equal(drp.status, 200)
  t.equal(drp.headers.get('content-type'), 'application/gdiff')
  const gdiff = await bytesOf(drp)
  t.ok(gdiff.byteLength < 200)
  t.equal(Buffer.from(applyGdiff(Buffer.from(old), gdiff, { outputBytesMax: 1e6 })).toString(), now)
  const im = await fetch(url, {
    headers: { 'a-im': 'gdiff', 'if-none-match': `"${digestOf(old)}"` },
  })
  t.equal(im.status, 226)
  t.same(await bytesOf(im), gdiff)
  const gone = await fetch(url, { headers: { 'content-id': urn('never') } })
  t.equal(gone.status, 404)
  t.match(await gone.json(), { code: 'LW_DRP_CONTENT_ID_UNAVAILABLE' })

  const raw = await rawExchange(
    stage.url,
    'GET /site/files/index.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: br, dcz\r\n' +
      `Available-Dictionary: :${Buffer.from(digestOf(old), 'hex').toString('base64')}:\r\n\r\n`,
  )
  t.match(raw, /content-encoding: dcz/i)
  const length = Number(/content-length: (\d+)/i.exec(raw)?.[1])
  const body = Buffer.from(raw, 'latin1').subarray(-length)
  const decoded = decodeDcz(Buffer.from(old), body, { contentBytesMax: 1e6 })
  t.equal(Buffer.from(decoded).toString(), now)
  const coded = await rawExchange(
    stage.url,
    'HEAD /site/files/index.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: br\r\n\r\n',
  )
  t.match(coded, /content-encoding: br/i)
  t.equal((await fetch(url, { headers: { 'if-none-match': `"${digestOf(now)}"` } })).status, 304)
  const part = await fetch(url, { headers: { range: 'bytes=0-2', 'accept-encoding': 'identity' } })
  t.equal(part.status, 206)
  t.equal(await part.text(), '<p>')
})

t.test('S69: no spelling of a path leads outside', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.publish({ 'a/b.txt': 'inside' })
  const climbs = [
    '/../publish-token',
    '/..%2fpublish-token',
    '/%2e%2e/publish-token',
    '/%2e%2e%2fpublish-token',
    '/..%252fpublish-token',
    '/%252e%252e%252fpublish-token',
    '/..;/publish-token',
    '/..\\publish-token',
    '/..%5cpublish-token',
    '/%c0%ae%c0%ae/publish-token',
    '/./../publish-token',
    '/a/../../publish-token',
    '//publish-token',
    '/%00',
    '/a%00/b.txt',
    '/a/b.txt%00',
    '/%2fetc/passwd',
    '/....//publish-token',
    '/~root',
    '/a/%2e%2e/%2e%2e/records.db',
    '/con',
    '/%',
    '/%zz',
    '/a/b.txt/',
    '/a/b.txt/..',
  ]
  const prefixes = ['/site/files', '/site/trust', '/site/objects', '/site/deltas', '/site', '']
  let tried = 0
  for (const prefix of prefixes) {
    for (const climb of climbs) {
      const raw = await rawExchange(
        stage.url,
        `GET ${prefix}${climb} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      )
      const status = Number(raw.slice(9, 12))
      const isClean =
        status >= 400 && status < 500 && !raw.includes('lwp_') && !raw.includes('root:')
      if (!isClean) t.fail(`${prefix}${climb}: ${raw.slice(0, 200)}`)
      tried++
    }
  }
  t.ok(tried >= 150)
  t.equal(await (await fetch(`${stage.url}/site/files/a/b.txt`)).text(), 'inside')
})

t.test('C5: every route answers bad input with a problem, never with 500', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.publish({ a: 'one', b: 'x'.repeat(2000) })
  const draft = publisher.draft({ a: 'two' })
  const { upload } = (await publisher.begin(draft)).body
  const words = [
    '',
    '0',
    '-1',
    '1e9',
    '999999999999',
    'null',
    '__proto__',
    'constructor',
    '%20',
    'ü',
    'a'.repeat(300),
    '{}',
    '..1',
    '1..',
    '0..1',
    '2..1',
    '1..1',
    '0..99999999999',
    '*',
    '.json',
    '1.root.json',
    '0.root.json',
    'root.json',
    'timestamp.json',
    '🙂',
    "'; drop table channels; --",
  ]
  const shapes: readonly ((word: string) => string)[] = [
    (word) => `/${word}`,
    (word) => `/site/${word}`,
    (word) => `/site/trust/${word}`,
    (word) => `/site/objects/${word}`,
    (word) => `/site/objects/${word}.br`,
    (word) => `/site/objects/${digestOf('one')}/signature?block=${word}`,
    (word) => `/site/deltas/${word}`,
    (word) => `/site/deltas/0..1/${word}`,
    (word) => `/site/index?ids=${word}`,
    (word) => `/site/files/${word}`,
    (word) => `/site/releases/${word}`,
    (word) => `/${word}/releases`,
    (word) => `/-/${word}`,
  ]
  const headers = { authorization: `Bearer ${stage.token}` }
  const bad: string[] = []
  let asked = 0
  for (const shape of shapes) {
    for (const word of words) {
      const path = shape(encodeURIComponent(word))
      const response = await fetch(`${stage.url}${path}`, { headers })
      await response.arrayBuffer()
      asked++
      const type = response.headers.get('content-type') ?? ''
      const isProblem = response.status < 400 || type.startsWith('application/problem+json')
      if (response.status >= 500 || !isProblem) bad.push(`${response.status} ${path} ${type}`)
    }
  }
  const bodies = [
    '',
    '{',
    '[]',
    'null',
    '{"replaces":-1}',
    '{"replaces":0,"roots":[],"targets":"x"}',
    '{"replaces":1,"roots":["{}"],"targets":"{}"}',
    '{"replaces":1,"roots":[],"targets":"{\\"signed\\":{},\\"signatures\\":[]}"}',
    '{"__proto__":{"replaces":1}}',
    '\u0000',
    '"'.repeat(1000),
    `[${'['.repeat(5000)}`,
  ]
  for (const route of [
    `/site/releases/${upload}/commit`,
    `/site/releases`,
    `/other/releases`,
    `/site/releases/${upload}/objects`,
    `/site/releases/nobody/commit`,
  ]) {
    for (const body of bodies) {
      for (const type of [
        'application/json',
        'text/plain',
        'multipart/form-data; boundary=x',
        'x',
      ]) {
        const response = await fetch(`${stage.url}${route}`, {
          method: 'POST',
          body,
          headers: { ...headers, 'content-type': type },
        })
        await response.arrayBuffer()
        asked++
        const kind = response.headers.get('content-type') ?? ''
        if (
          response.status >= 500 ||
          response.status < 400 ||
          !kind.startsWith('application/problem+json')
        ) {
          bad.push(`${response.status} POST ${route} ${type} ${body.slice(0, 40)}`)
        }
      }
    }
  }
  for (const field of [
    'range',
    'if-none-match',
    'if-match',
    'if-range',
    'content-id',
    'differential-id',
    'a-im',
    'accept-encoding',
    'available-dictionary',
    'accept',
  ]) {
    for (const value of [
      '',
      ',',
      '"',
      '*',
      'bytes=',
      'bytes=5-1',
      'bytes=0-0,2-2,4-4',
      'urn:sha256:x',
      'urn:md5:AAAA',
      ':::',
      'gdiff;q=2',
      'a'.repeat(2000),
      '"a"'.repeat(500),
    ]) {
      for (const path of [
        '/site/files/b',
        '/site/index',
        `/site/objects/${digestOf('one')}`,
        '/site',
        '/site/trust/timestamp.json',
      ]) {
        const response = await fetch(`${stage.url}${path}`, { headers: { [field]: value } })
        await response.arrayBuffer()
        asked++
        if (response.status >= 500)
          bad.push(`${response.status} ${path} ${field}: ${value.slice(0, 40)}`)
      }
    }
  }
  t.same(bad, [])
  t.comment(`${asked} requests`)
  t.equal(await publisher.headRelease(), 1)
  t.equal(({} as { replaces?: unknown }).replaces, undefined)
})

t.test('S75: health, metrics and the OpenAPI document say nothing that is private', async (t) => {
  const stage = await startTransmitter(t)
  await new RawPublisher(stage, 'site').publish({ a: 'one' })
  const health = await fetch(`${stage.url}/-/health`)
  t.equal(health.status, 200)
  t.match(await health.json(), {
    status: 'ok',
    service: 'transmitter',
    checks: { records: { ok: true }, store: { ok: true }, timestamps: { ok: true } },
  })
  const openapi = (await (await fetch(`${stage.url}/-/openapi.json`)).json()) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
    readonly components: { readonly schemas: Readonly<Record<string, unknown>> }
  }
  t.match(openapi, { openapi: '3.1.0', info: { title: 'Longwave transmitter' } })
  t.ok(Object.keys(openapi.components.schemas).includes('CommitRequest'))
  for (const path of ['/-/repeaters/poll', '/-/repeaters/report', '/{name}/update', '/-/status']) {
    t.ok(openapi.paths[path], path)
  }
  const references = [...JSON.stringify(openapi).matchAll(/#\/components\/schemas\/(\w+)/g)]
  for (const [, name] of references) t.ok(openapi.components.schemas[name ?? ''], name ?? '')
  for (const [path, item] of Object.entries(openapi.paths)) {
    if (item['get'] === undefined) continue
    const real = path.replaceAll(/\{(\w+)\}/g, 'x')
    const response = await fetch(`${stage.url}${real}`)
    const text = await response.text()
    t.not(response.status, 405, path)
    t.notOk(text.includes(stage.directory) || text.includes(stage.token), path)
  }
})
