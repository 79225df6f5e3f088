import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { request as ask } from 'undici'
import { parseChannelAddress, type RouteOffer } from '../../protocol/index.ts'
import { createProxy } from '../../proxy/index.ts'
import { createPublisher } from '../../publisher/index.ts'
import { createLogger } from '../../serving/index.ts'
import { createTransmitter } from '../../transmitter/index.ts'
import { createTransport } from '../../transport/index.ts'
import { Tuner } from '../../tuner/index.ts'

/** A transmitter that makes no bundles, as one whose budget is spent. */
async function startWithoutBundles(
  transmitter: string,
): Promise<{ readonly url: string; stop(): void }> {
  const server = http.createServer(async (request, response) => {
    if (request.url?.includes('/deltas/')) {
      response.writeHead(404)
      response.end()
      return
    }
    const { host: _host, connection: _connection, ...headers } = request.headers
    const answer = await ask(`${transmitter}${request.url}`, { headers })
    response.writeHead(answer.statusCode, answer.headers)
    answer.body.pipe(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const stop = () => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${port}`, stop }
}

const logger = createLogger({ name: 'test', level: 'silent' })

t.test(
  'C91: the proxy makes a bundle from two cached releases when the origin has none',
  async (t) => {
    const root = await mkdtemp(path.join(os.tmpdir(), 'lw-proxy-bundles-'))
    t.teardown(() => rm(root, { recursive: true, force: true }))
    const base = path.join(root, 'base')
    await mkdir(base, { recursive: true })
    const data = randomBytes(600_000)
    await writeFile(path.join(base, 'data.bin'), data)
    await writeFile(path.join(base, 'note.txt'), 'one\n')
    const transport = createTransport({ userAgent: 'longwave-test' })
    t.teardown(() => transport.stop())
    const transmitter = createTransmitter({
      directory: path.join(root, 'publisher', 'transmitter'),
      logger,
    })
    const behind = await transmitter.start()
    t.teardown(() => transmitter.stop())
    const origin = await startWithoutBundles(behind)
    t.teardown(async () => origin.stop())
    const publisher = createPublisher({ home: path.join(root, 'publisher'), transport })
    const publish = () => publisher.publish({ directory: base, channel: `${behind}/site` })
    const first = await publish()
    let offsetMs = 0
    const proxy = createProxy({
      directory: path.join(root, 'proxy'),
      listen: { host: '127.0.0.1', port: 0 },
      origins: [origin.url],
      logger,
      clock: { now: () => Date.now() + offsetMs },
    })
    const url = await proxy.start()
    t.teardown(() => proxy.stop())
    const via = `${url}/-/via/${encodeURIComponent(origin.url)}/site`
    const address = parseChannelAddress(`${origin.url}/site#${first.channelId}`)
    const tuners: Tuner[] = []
    for (const name of ['a', 'b']) {
      const tuner = new Tuner({ home: path.join(root, name), transport })
      await tuner.start()
      t.teardown(() => tuner.stop())
      await tuner.subscribe({ address, proxy: url })
      tuners.push(tuner)
    }
    data.fill(7, 1000, 1010)
    await writeFile(path.join(base, 'data.bin'), data)
    await publish()
    offsetMs = 10_000
    const update = async (tuner: Tuner | undefined) => {
      const [outcome] = (await tuner?.update(await tuner.select())) ?? []
      if (outcome?.ok !== true) throw outcome?.error
      return outcome.result
    }
    t.equal((await update(tuners[0])).route?.kind, 'whole', 'the first one brings the objects')
    let offer: RouteOffer = { from: 1, to: 2 }
    for (let asked = 0; offer.sha256 === undefined && asked < 200; asked++) {
      offsetMs += 5001
      const answer = await ask(`${via}/deltas/1..2`)
      if (answer.statusCode === 200 || answer.statusCode === 202) {
        offer = (await answer.body.json()) as RouteOffer
      } else await answer.body.dump()
    }
    const second = await update(tuners[1])
    t.equal(second.route?.kind, 'bundle', 'the second one gets a bundle')
    t.ok(second.bytes.bundle > 0 && second.bytes.bundle < 5000, `${second.bytes.bundle} bytes`)
    const current = path.join(root, 'b', 'tuner', 'channels', 'site', 'current')
    t.ok((await readFile(path.join(current, 'data.bin'))).equals(data))
    const other = await ask(`${via.replace(/site$/, 'other')}/deltas/1..2/${offer.sha256}`)
    t.equal(other.statusCode, 404, 'another channel does not get it')
  },
)
