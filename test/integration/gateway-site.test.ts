import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import {
  createGatewayHandler,
  longwaveGateway,
  webServerConfiguration,
  webServers,
} from '../../gateway/index.ts'
import { parseChannelAddress } from '../../protocol/index.ts'
import { createPublisher } from '../../publisher/index.ts'
import { createLogger } from '../../serving/index.ts'
import { createTransmitter } from '../../transmitter/index.ts'
import { createTransport } from '../../transport/index.ts'
import { Tuner } from '../../tuner/index.ts'
import { hasWebServer, startWebServer } from '../support/gateway-servers.ts'

const logger = createLogger({ name: 'test', level: 'silent' })

async function temporary(t: Test): Promise<string> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'lw-gateway-'))
  // Web servers read it as another user.
  await chmod(root, 0o755)
  t.teardown(() => rm(root, { recursive: true, force: true }))
  return root
}

/** Publishes and subscribes through a site, twice, and looks at what the site shows. */
async function exercise(t: Test, root: string, site: string, below: string): Promise<void> {
  const transport = createTransport({ userAgent: 'longwave-test' })
  t.teardown(() => transport.stop())
  const base = path.join(root, 'base')
  await mkdir(path.join(base, 'docs'), { recursive: true })
  await writeFile(path.join(base, 'index.html'), '<h1>one</h1>')
  await writeFile(path.join(base, 'docs', 'a b+c%.txt'), 'text\n'.repeat(1000))
  const data = randomBytes(5_000_000)
  await writeFile(path.join(base, 'data.bin'), data)
  const publisher = createPublisher({ home: root, transport })
  const url = `${site}${below}`
  const first = await publisher.publish({ directory: base, channel: `${url}/site` })
  t.match(first.link, new RegExp(`^longwave:${url}/site#`), 'links carry the path of the site')
  const tuner = new Tuner({ home: path.join(root, 'tuner'), transport })
  await tuner.start()
  t.teardown(() => tuner.stop())
  await tuner.subscribe({ address: parseChannelAddress(first.link ?? '') })
  const current = path.join(root, 'tuner', 'tuner', 'channels', 'site', 'current')
  t.ok((await readFile(path.join(current, 'data.bin'))).equals(data))
  await writeFile(path.join(base, 'index.html'), '<h1>two</h1>')
  await publisher.publish({ directory: base, channel: `${url}/site` })
  const [outcome] = await tuner.update(await tuner.select())
  if (outcome?.ok !== true) throw outcome?.error
  t.equal(await readFile(path.join(current, 'index.html'), 'utf8'), '<h1>two</h1>')

  const list = (await (await fetch(`${url}/`)).json()) as {
    readonly channels: readonly { readonly url: string }[]
  }
  t.equal(list.channels[0]?.url, `${url}/site`)
  t.match(await (await fetch(below === '' ? site : `${url}`)).text(), /site/)
  const poll = await fetch(`${url}/site/trust/timestamp.json`)
  await poll.arrayBuffer()
  const again = await fetch(`${url}/site/trust/timestamp.json`, {
    headers: { 'if-none-match': poll.headers.get('etag') ?? '' },
  })
  t.equal(again.status, 304, 'polls are conditional through the site')
  t.equal(await (await fetch(`${site}/`)).text(), 'the site itself', 'its pages are untouched')
  t.equal((await fetch(`${site}/absent`)).status, 404)
}

t.test('C93: a Fastify site with a transmitter below a path', async (t) => {
  const root = await temporary(t)
  const transmitter = createTransmitter({ directory: path.join(root, 'transmitter'), logger })
  const app = fastify({ logger: false, bodyLimit: 1000 })
  app.get('/', async () => 'the site itself')
  await app.register(longwaveGateway, { prefix: '/dl', transmitter })
  const site = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  await exercise(t, root, site, '/dl')
})

t.test('C93: a plain Node server with a transmitter below a path', async (t) => {
  const root = await temporary(t)
  const transmitter = createTransmitter({ directory: path.join(root, 'transmitter'), logger })
  let site = ''
  const gateway = createGatewayHandler({
    transmitter,
    path: '/files/longwave/',
    publicUrl: () => `${site}/files/longwave`,
  })
  t.teardown(() => gateway.stop())
  const server = http.createServer((request, response) => {
    gateway.handler(request, response, () => {
      response.writeHead(request.url === '/' ? 200 : 404)
      response.end('the site itself')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => server.close())
  site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const early = await fetch(`${site}/files/longwave/-/health`)
  t.equal(early.status, 200, 'a request that comes before it is open waits')
  t.equal((await fetch(`${site}/files/longwavex`)).status, 404)
  t.equal((await fetch(`${site}/files`)).status, 404)
  await exercise(t, root, site, '/files/longwave')
})

for (const server of webServers) {
  const isThere = hasWebServer(server)
  if (!isThere && process.env['LONGWAVE_CI'] !== '1') {
    const skip = `${server} is not installed`
    t.test(`C93: ${server} with a transmitter below a path`, { skip }, async () => undefined)
    continue
  }
  t.test(`C93: ${server} with a transmitter below a path`, async (t) => {
    const root = await temporary(t)
    let site = ''
    const front = await startWebServer(server, path.join(root, 'server'), async (port) => {
      site = `http://127.0.0.1:${port}`
      const transmitter = createTransmitter({
        directory: path.join(root, 'transmitter'),
        listen: { host: '127.0.0.1', port: 0 },
        publicUrl: `${site}/dl`,
        logger,
      })
      const upstream = await transmitter.start()
      t.teardown(() => transmitter.stop())
      return webServerConfiguration(server, { path: '/dl', upstream })
    })
    t.teardown(async () => front[Symbol.asyncDispose]())
    await exercise(t, root, site, '/dl')
  })
}
