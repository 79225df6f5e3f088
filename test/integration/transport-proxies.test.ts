import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import t from 'tap'
import { createTransport, type TransportOptions } from '../../transport/index.ts'
import { startChaosServer } from '../support/chaos-server.ts'
import { selfSigned } from '../support/self-signed.ts'

const certificate = selfSigned(['origin.test', '127.0.0.1'])

/** A plain HTTP proxy that leads every host to one port; what it was asked is noted. */
async function startProxy(port: number, options: { readonly refuse?: number } = {}) {
  const asked: { readonly line: string; readonly authorization: string | undefined }[] = []
  const sockets = new Set<Socket>()
  const server = http.createServer((request, response) => {
    const authorization = request.headers['proxy-authorization']
    asked.push({ line: `${request.method} ${request.url}`, authorization })
    if (options.refuse !== undefined) {
      response.writeHead(options.refuse).end()
      return
    }
    const url = new URL(request.url ?? '')
    const headers = { ...request.headers, host: url.host }
    const onward = http.request({ port, host: '127.0.0.1', path: url.pathname, headers })
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers)
      answer.pipe(response)
    })
    onward.end()
  })
  server.on('connect', (request, socket: Socket) => {
    const authorization = request.headers['proxy-authorization']
    asked.push({ line: `CONNECT ${request.url}`, authorization })
    sockets.add(socket)
    socket.on('error', () => undefined)
    if (options.refuse !== undefined) {
      socket.end(`HTTP/1.1 ${options.refuse} No\r\n\r\n`)
      return
    }
    const onward = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Yes\r\n\r\n')
      onward.pipe(socket).pipe(onward)
    })
    onward.on('error', () => socket.destroy())
    sockets.add(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function startTlsServer(options: https.ServerOptions) {
  const requests: http.IncomingHttpHeaders[] = []
  const server = https.createServer(
    { key: certificate.key, cert: certificate.certificate, ...options },
    (request, response) => {
      requests.push(request.headers)
      response.end('private')
    },
  )
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    requests,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function transportOf(options: Partial<TransportOptions>) {
  return createTransport({ userAgent: 'x', retry: { attemptsMax: 1 }, ...options })
}

t.test('a plain request goes through http_proxy with its absolute URI', async (t) => {
  await using origin = await startChaosServer(() => ({ kind: 'answer', body: 'there' }))
  await using proxy = await startProxy(origin.port)
  const credentials = proxy.url.replace('http://', 'http://me:secret@')
  const transport = transportOf({ proxyEnvironment: { http_proxy: credentials } })
  const url = 'http://origin.test:8080/a?b=c'
  const answer = await transport.fetchBytes(url, { bytesMax: 99, authorization: 'Bearer t' })
  t.equal(answer.bytes.toString(), 'there')
  t.match(proxy.asked[0], { line: `GET ${url}`, authorization: /^Basic / })
  t.equal(origin.requests[0]?.headers['host'], 'origin.test:8080')
  t.equal(origin.requests[0]?.headers['authorization'], 'Bearer t')
  await transport.stop()
})

t.test('a TLS request goes through a tunnel that sees only host and port', async (t) => {
  await using origin = await startTlsServer({})
  await using proxy = await startProxy(origin.port)
  const transport = transportOf({
    proxyEnvironment: { https_proxy: proxy.url.replace('http://', 'http://me:secret@') },
    tls: { authorities: [certificate.certificate] },
  })
  const answer = await transport.fetchBytes('https://origin.test:8443/secret', { bytesMax: 99 })
  t.equal(answer.bytes.toString(), 'private')
  t.match(proxy.asked, [{ line: 'CONNECT origin.test:8443', authorization: /^Basic / }])
  await transport.stop()
})

t.test('a proxy that refuses, and one that is down, are told apart from the server', async (t) => {
  await using origin = await startTlsServer({})
  for (const [status, code] of [
    [407, 'LW_TRANSFER_PROXY_DENIED'],
    [403, 'LW_TRANSFER_PROXY_DENIED'],
    [503, 'LW_TRANSFER_UNREACHABLE'],
  ] as const) {
    await using proxy = await startProxy(origin.port, { refuse: status })
    const transport = transportOf({ proxyEnvironment: { https_proxy: proxy.url } })
    const got = transport.fetchBytes('https://origin.test/', { bytesMax: 9 })
    await t.rejects(got, { code }, String(status))
    await transport.stop()
  }
  await using plain = await startProxy(origin.port, { refuse: 407 })
  const transport = transportOf({ proxyEnvironment: { http_proxy: plain.url } })
  const got = transport.fetchBytes('http://origin.test/', { bytesMax: 9 })
  await t.rejects(got, { code: 'LW_TRANSFER_PROXY_DENIED', exit: 12 })
  await transport.stop()
  const gone = await startProxy(1)
  await gone[Symbol.asyncDispose]()
  const lost = transportOf({ proxyEnvironment: { ALL_PROXY: gone.url } })
  for (const url of ['http://origin.test/', 'https://origin.test/']) {
    const failed = lost.fetchBytes(url, { bytesMax: 9 })
    await t.rejects(failed, { code: 'LW_TRANSFER_UNREACHABLE', exit: 75 }, url)
  }
  await lost.stop()
})

t.test('empty proxy variables lead nowhere else', async (t) => {
  await using origin = await startChaosServer(() => ({ kind: 'answer', body: 'direct' }))
  const proxyEnvironment = { http_proxy: '', HTTP_PROXY: '', https_proxy: ' ', ALL_PROXY: '' }
  const transport = transportOf({ proxyEnvironment })
  t.equal((await transport.fetchBytes(origin.url, { bytesMax: 9 })).bytes.toString(), 'direct')
  await transport.stop()
})

t.test('S65: a server that cannot prove who it is gets no request, twice', async (t) => {
  const expired = selfSigned(['127.0.0.1'], 0)
  const otherName = selfSigned(['other.test'])
  const cases = [
    ['unknown authority', certificate, undefined, {}],
    ['expired', expired, expired.certificate, {}],
    ['another name', otherName, otherName.certificate, {}],
    // TLS 1.2 hands a session out before the name was checked.
    ['another name, TLS 1.2', otherName, otherName.certificate, { maxVersion: 'TLSv1.2' }],
    ['TLS 1.1', certificate, certificate.certificate, old],
  ] as const
  for (const [name, own, authority, settings] of cases) {
    await using origin = await startTlsServer({
      ...settings,
      key: own.key,
      cert: own.certificate,
    })
    const transport = transportOf({
      tls: authority === undefined ? {} : { authorities: [authority] },
    })
    for (const attempt of [1, 2]) {
      const got = transport.fetchBytes(`https://127.0.0.1:${origin.port}/`, { bytesMax: 9 })
      await t.rejects(got, { code: 'LW_TRANSFER_TLS', exit: 13 }, `${name}, attempt ${attempt}`)
    }
    t.equal(origin.requests.length, 0, name)
    await transport.stop()
  }
})

const old = {
  minVersion: 'TLSv1' as const,
  maxVersion: 'TLSv1.1' as const,
  ciphers: 'DEFAULT@SECLEVEL=0',
}

t.test('S65: the environment cannot switch verification off', async (t) => {
  await using origin = await startTlsServer({})
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  t.teardown(() => {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
  })
  const transport = transportOf({})
  const got = transport.fetchBytes(`https://127.0.0.1:${origin.port}/`, { bytesMax: 9 })
  await t.rejects(got, { code: 'LW_TRANSFER_TLS' })
  await transport.stop()
})

t.test('an authority of its own and a pin are honoured together', async (t) => {
  await using origin = await startTlsServer({ maxVersion: 'TLSv1.2' })
  const url = `https://127.0.0.1:${origin.port}/`
  const authorities = [certificate.certificate]
  const right = transportOf({ tls: { authorities, pins: [certificate.pin] } })
  t.equal((await right.fetchBytes(url, { bytesMax: 9 })).bytes.toString(), 'private')
  await right.stop()
  const pin = Buffer.alloc(32, 7).toString('base64')
  const wrong = transportOf({ tls: { authorities, pins: [pin] } })
  for (const attempt of [1, 2, 3]) {
    const got = wrong.fetchBytes(url, { bytesMax: 9 })
    await t.rejects(got, { code: 'LW_TRANSFER_TLS', detail: /pinned/ }, `attempt ${attempt}`)
  }
  await wrong.stop()
  const pinOnly = transportOf({ tls: { pins: [certificate.pin] } })
  await t.rejects(pinOnly.fetchBytes(url, { bytesMax: 9 }), { code: 'LW_TRANSFER_TLS' })
  await pinOnly.stop()
  t.throws(() => transportOf({ tls: { pins: ['short'] } }), { code: 'LW_TRANSFER_TLS' })
  t.throws(() => transportOf({ tls: { authorities: ['no pem'] } }), { code: 'LW_TRANSFER_TLS' })
})

t.test('http to https on the same host is followed, without credentials', async (t) => {
  const heard: (string | undefined)[] = []
  await using secure = await startTlsServer({})
  await using plain = await startChaosServer((request) => {
    heard.push(request.headers['authorization'])
    const location = `https://127.0.0.1:${secure.port}/x`
    return { kind: 'answer', status: 301, headers: { location } }
  })
  const transport = transportOf({ tls: { authorities: [certificate.certificate] } })
  const options = { bytesMax: 9, authorization: 'Bearer t' }
  const answer = await transport.fetchBytes(plain.url, options)
  t.equal(answer.bytes.toString(), 'private')
  t.same(heard, ['Bearer t'])
  t.equal(secure.requests[0]?.authorization, undefined)
  await transport.stop()
})

t.test('plain HTTP where TLS was asked for is said so', async (t) => {
  const plain = http.createServer()
  plain.listen(0, '127.0.0.1')
  await once(plain, 'listening')
  const transport = transportOf({})
  const { port } = plain.address() as AddressInfo
  const got = transport.fetchBytes(`https://127.0.0.1:${port}/`, { bytesMax: 9 })
  await t.rejects(got, { code: 'LW_TRANSFER_TLS' })
  await transport.stop()
  plain.closeAllConnections()
  plain.close()
  await once(plain, 'close')
})
