import { randomBytes } from 'node:crypto'
import path from 'node:path'
import t from 'tap'
import { Pool } from 'undici'
import { digestOf } from '../../protocol/index.ts'
import { createProxy, type ProxyStatus } from '../../proxy/index.ts'
import { createLogger } from '../../serving/index.ts'
import { createTransport } from '../../transport/index.ts'
import { verifyRequest } from '../../trust/index.ts'
import { UpdateClient } from '../support/backchannel-client.ts'
import { backChannelFixture, channelName } from '../support/backchannel.ts'
import { countingPlugin } from '../support/backchannel-plugins.ts'
import { startProxyFixture } from '../support/proxy-fixture.ts'
import { type Message, serveUpdates, updateRequest } from '../support/proxy-update-requests.ts'

// Thousands of requests take a while where other work is going on.
t.setTimeout(120_000)

t.test(
  'C85 C87 C90: 1,000 tuners with an hourly file: it crosses once, all feedback arrives',
  async (t) => {
    const fixture = await startProxyFixture(t)
    const file = randomBytes(300_000)
    const digest = fixture.origin.object(file)
    // Every 97th answer is lost after the origin has logged the feedback.
    const log = serveUpdates(fixture.origin, { head: { manifest: digest } }, (at) => at % 97 === 0)
    const pool = new Pool(fixture.url, { connections: 250 })
    t.teardown(() => pool.destroy())
    const via = (rest: string) => new URL(fixture.via(rest)).pathname
    const tuner = async (at: number) => {
      const { body, signature } = updateRequest(at)
      const headers = { 'content-type': 'application/json', 'longwave-tuner': signature }
      const answer = await pool.request({ method: 'POST', path: via('update'), headers, body })
      if (answer.statusCode !== 200) throw new Error(`update answered ${answer.statusCode}`)
      const { head } = (await answer.body.json()) as {
        readonly head: { readonly manifest: string }
      }
      const object = await pool.request({ method: 'GET', path: via(`objects/${head.manifest}`) })
      return Buffer.from(await object.body.arrayBuffer()).equals(file)
    }
    const results = await Promise.all(Array.from({ length: 1000 }, (_, at) => tuner(at)))
    t.ok(results.every(Boolean), 'every tuner has the file')
    t.equal(fixture.origin.count('GET', `/site/objects/${digest}`), 1, 'it crossed once')
    t.equal(log.entries.size, 1000, 'each feedback is in the log, once')
    t.equal(new Set(log.entries.values()).size, 1000)
    t.ok(
      fixture.origin.socketsAtOnce() <= 4,
      `${fixture.origin.socketsAtOnce()} connections at once`,
    )
    for (const { body, signature } of log.received.slice(0, 50)) {
      t.ok(verifyRequest(body, signature), 'body and signature arrived as they were sent')
    }
  },
)

t.test(
  'R38: 10,000 update requests at once: each answered, each object fetched once',
  async (t) => {
    const fixture = await startProxyFixture(t)
    const objects = [randomBytes(20_000), randomBytes(400_000)].map((bytes) => ({
      bytes,
      digest: fixture.origin.object(bytes),
    }))
    const log = serveUpdates(fixture.origin, {})
    const signed = Array.from({ length: 100 }, (_, at) => updateRequest(at))
    // Bodies differ only in their request ids: signing ten thousand would be the longest part.
    const path = new URL(fixture.via('update')).pathname
    const pool = new Pool(fixture.url, { connections: 200, pipelining: 10 })
    t.teardown(() => pool.destroy())
    const started = performance.now()
    const statuses = await Promise.all(
      Array.from({ length: 10_000 }, async (_, at) => {
        const { body, signature } = signed[at % signed.length] as Message
        const one = Buffer.from(
          body.toString().replace(/"request":"\w{8}/, `"request":"${hex(at)}`),
        )
        const answer = await pool.request({
          method: 'POST',
          path,
          headers: { 'content-type': 'application/json', 'longwave-tuner': signature },
          body: one,
          idempotent: true,
          blocking: false,
        })
        const text = await answer.body.text()
        return text.includes(`"request":"${hex(at)}`) ? answer.statusCode : 0
      }),
    )
    t.comment(`${Math.round(performance.now() - started)} ms, client and origin in this process`)
    t.ok(
      statuses.every((status) => status === 200),
      'each got the answer to its own request',
    )
    t.equal(log.received.length, 10_000)
    t.ok(fixture.origin.socketsAtOnce() <= 4)
    await Promise.all(
      objects.flatMap(({ bytes, digest }) =>
        Array.from({ length: 1000 }, async () => {
          const at = new URL(fixture.via(`objects/${digest}`)).pathname
          const answer = await pool.request({ method: 'GET', path: at })
          const got = Buffer.from(await answer.body.arrayBuffer())
          if (!got.equals(bytes)) throw new Error('wrong bytes')
        }),
      ),
    )
    for (const { digest } of objects) {
      t.equal(fixture.origin.count('GET', `/site/objects/${digest}`), 1)
    }
  },
)

t.test(
  'C87 C90: 1,000 tuners behind one proxy, an hourly file, a plug-in: everything real',
  async (t) => {
    const fixture = await backChannelFixture(t)
    await fixture.allow()
    const file = randomBytes(100_000).toString('hex')
    await fixture.publish({ 'prices.dat': 'before', 'note.txt': 'a' }, { plugin: countingPlugin })
    await fixture.publish({ 'prices.dat': file })
    const proxy = createProxy({
      directory: path.join(fixture.root, 'proxy'),
      listen: { host: '127.0.0.1', port: 0 },
      origins: [fixture.url],
      logger: createLogger({ name: 'proxy', level: 'silent' }),
    })
    const url = await proxy.start()
    t.teardown(() => proxy.stop())
    const via = `${url}/-/via/${encodeURIComponent(fixture.url)}/${channelName}`
    const transport = createTransport({ userAgent: 'test', connectionsPerOrigin: 100 })
    t.teardown(() => transport.stop())
    const tuner = async (at: number) => {
      const client = new UpdateClient({ transport, url: via })
      client.append(`feedback ${at}`)
      const answer = await client.post()
      if (answer?.acknowledged?.sequence !== 1) throw new Error('not acknowledged')
      const object = await transport.fetchBytes(`${via}/objects/${digestOf(file)}`, {
        bytesMax: file.length,
      })
      return object.bytes.toString() === file
    }
    const results = await Promise.all(Array.from({ length: 1000 }, (_, at) => tuner(at)))
    t.ok(results.every(Boolean), 'every tuner has the file')
    const status = (await (await fetch(`${url}/-/status`)).json()) as ProxyStatus
    t.equal(status.measures.objectMisses, 1, 'it crossed once')
    const { upstreamConnectionsOpened } = status.measures
    t.ok(upstreamConnectionsOpened <= 4, `${upstreamConnectionsOpened} connections`)
    const expected = results.map((_, at) => `feedback ${at}`).sort()
    const logged = (await fixture.exported()).map(({ text = '' }) => text).sort()
    t.same(logged, expected, 'each feedback is in the log, once')
    while ((await fixture.pluginStatus()).feedback.undelivered > 0) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    const seen = fixture.pluginRows('select text, times from seen')
    t.same(seen.map(({ text }) => String(text)).sort(), expected, 'and with the plug-in')
    t.ok(seen.every(({ times }) => times === 1))
  },
)

function hex(at: number): string {
  return at.toString(16).padStart(8, '0')
}
