import { readdirSync, writeFileSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import path from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import t from 'tap'
import {
  type Digest,
  digestOf,
  encodePackRequest,
  limits,
  mediaTypes,
  type RouteOffer,
} from '../../protocol/index.ts'
import { createProxy } from '../../proxy/index.ts'
import { createLogger, servingLimits } from '../../serving/index.ts'
import type { Transport } from '../../transport/index.ts'
import { rawConnection } from '../support/raw-http.ts'
import { addressAt, RepeaterBench } from '../support/repeater-bench.ts'
import { noise, RawPublisher, startTransmitter } from '../support/transmitter-stage.ts'
import { openTunerStage } from '../support/tuner-stage.ts'

/** Files by path, each with bytes of its own. */
function manyFiles(count: number): Record<string, string> {
  const files: Record<string, string> = {}
  for (let at = 0; at < count; at++) files[`docs/${at}.txt`] = `file ${at}\n`.repeat(100)
  return files
}

/** Other texts for some of the files. */
function newTexts(files: Readonly<Record<string, string>>, count: number): [string, string][] {
  const some = Object.entries(files).slice(0, count)
  return some.map(([name, text]) => [name, `${text}and more`])
}

function askPack(
  channel: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const type = { 'content-type': mediaTypes.octets }
  return fetch(`${channel}/objects`, { method: 'POST', headers: { ...type, ...headers }, body })
}

async function unpacked(response: Response): Promise<Buffer> {
  return brotliDecompressSync(Buffer.from(await response.arrayBuffer()))
}

async function problem(response: Response): Promise<readonly [number, string]> {
  const { code } = (await response.json()) as { readonly code: string }
  return [response.status, code]
}

/**
 * A transport that notes what it posts for packs, and which single objects it gets. Of offers it
 * hides the bundle, as if it came before that was made.
 */
function noting(transport: Transport) {
  const packs: string[] = []
  const singles: string[] = []
  const watched: Transport = {
    ...transport,
    async fetchBytes(url, request) {
      if (String(url).includes('/objects/')) singles.push(String(url))
      const answer = await transport.fetchBytes(url, request)
      if (!/\/deltas\/\d+\.\.\d+$/.test(String(url))) return answer
      const { sha256: _sha256, ...offer } = JSON.parse(answer.bytes.toString()) as RouteOffer
      return { ...answer, status: 200, bytes: Buffer.from(JSON.stringify(offer)) }
    },
    postForStream(url, request) {
      packs.push(String(url))
      return transport.postForStream(url, request)
    },
  }
  return { packs, singles, transport: watched }
}

t.test('a pack is the objects in the order asked, as one compressed stream', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  const contents = { ...manyFiles(50), 'empty.txt': '', 'noise.bin': noise(300_000) }
  await publisher.publish(contents)
  const asked = Object.values(contents).reverse()
  const response = await askPack(`${stage.url}/site`, encodePackRequest(asked.map(digestOf)))
  t.equal(response.status, 200)
  t.equal(response.headers.get('content-type'), mediaTypes.pack)
  t.equal(response.headers.get('cache-control'), 'no-store')
  t.equal(response.headers.get('content-encoding'), null)
  const whole = Buffer.concat(asked.map((one) => Buffer.from(one)))
  t.ok((await unpacked(response)).equals(whole))
  const metrics = await (await fetch(`${stage.url}/-/metrics`)).text()
  t.match(metrics, /longwave_channel_bytes_total\{channel="site",kind="pack"\} [1-9]/)
})

t.test('an object that the channel does not refer to is told of before any byte', async (t) => {
  const stage = await startTransmitter(t)
  await new RawPublisher(stage, 'other').publish({ 'secret.txt': 'of another channel' })
  await new RawPublisher(stage, 'site').publish({ 'a.txt': 'one' })
  const digests = [digestOf('one'), digestOf('of another channel')]
  const refused = await askPack(`${stage.url}/site`, encodePackRequest(digests))
  t.same(await problem(refused), [404, 'LW_TRANSMIT_NO_OBJECT'])
  const nowhere = await askPack(`${stage.url}/none`, encodePackRequest(digests))
  t.same(await problem(nowhere), [404, 'LW_TRANSMIT_NO_CHANNEL'])
})

t.test('what is no list of digests, or asks for too much, is refused', async (t) => {
  const stage = await startTransmitter(t)
  const channel = `${stage.url}/site`
  const large = noise(limits.packObjectBytesMax + 1)
  const full = noise(limits.packObjectBytesMax)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.publish({ 'a.txt': 'one', 'large.bin': large, 'full.bin': full })
  const pack = async (...digests: readonly Digest[]) =>
    problem(await askPack(channel, encodePackRequest(digests)))
  t.same(await problem(await askPack(channel, Buffer.alloc(33))), [400, 'LW_SERVE_REQUEST'])
  t.same(await problem(await askPack(channel, Buffer.alloc(0))), [400, 'LW_SERVE_REQUEST'])
  const endless = Buffer.alloc(32 * limits.packObjectsMax + 1)
  t.same(await problem(await askPack(channel, endless)), [413, 'LW_SERVE_BODY_TOO_LARGE'])
  const text = await askPack(channel, Buffer.alloc(32), { 'content-type': 'application/json' })
  t.same(await problem(text), [415, 'LW_SERVE_MEDIA_TYPE'])
  t.same(await pack(digestOf('one'), digestOf(large)), [413, 'LW_SERVE_PACK_TOO_LARGE'])
  const often = Array.from({ length: 65 }, () => digestOf(full))
  t.same(await pack(...often), [413, 'LW_SERVE_PACK_TOO_LARGE'], 'however often the same')
  t.equal((await fetch(`${channel}/objects`)).status, 405, 'nothing is there to be read')
})

t.test('a closed channel answers packs to those who may read it', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.publish({ 'a.txt': 'one' }, { access: 'closed' })
  const body = encodePackRequest([digestOf('one')])
  const channel = `${stage.url}/site`
  t.same(await problem(await askPack(channel, body)), [401, 'LW_TRANSMIT_CLOSED'])
  const wrong = await askPack(channel, body, { authorization: 'Bearer lwt1.nonsense' })
  t.equal(wrong.status, 403)
  const own = await askPack(channel, body, { authorization: `Bearer ${publisher.token}` })
  t.equal((await unpacked(own)).toString(), 'one')
  t.equal(own.headers.get('cache-control'), 'private, no-store')
})

t.test('only so many packs are made at a time, and those who leave make room', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  const contents: Record<string, Uint8Array> = {}
  for (let at = 0; at < 16; at++) contents[`${at}.bin`] = noise(limits.packObjectBytesMax)
  await publisher.publish(contents)
  const body = encodePackRequest(Object.values(contents).map(digestOf))
  const head = `POST /site/objects HTTP/1.1\r\nHost: t\r\nContent-Type: ${mediaTypes.octets}\r\n`
  const sockets = await Promise.all(
    Array.from({ length: servingLimits.packsMax }, async () => {
      const socket = await rawConnection(stage.url)
      socket.write(`${head}Content-Length: ${body.byteLength}\r\n\r\n`)
      socket.write(body)
      // The head of the answer shows that the pack is being made; nothing more is taken.
      await new Promise((resolve) => socket.once('readable', resolve))
      return socket
    }),
  )
  const one = encodePackRequest([digestOf(contents['0.bin'] as Uint8Array)])
  const refused = await askPack(`${stage.url}/site`, one)
  t.match(refused.headers.get('retry-after'), /^\d+$/)
  t.same(await problem(refused), [503, 'LW_SERVE_PACKS_BUSY'])
  for (const socket of sockets) socket.destroy()
  let status = 503
  while (status === 503) {
    const response = await askPack(`${stage.url}/site`, one)
    status = response.status
    await response.arrayBuffer()
  }
  t.equal(status, 200)
})

t.test('a client that takes nothing of its pack is cut', async (t) => {
  const stage = await startTransmitter(t, { slowClients: { readerStallMs: 200, sweepMs: 50 } })
  const publisher = new RawPublisher(stage, 'site')
  const contents: Record<string, Uint8Array> = {}
  for (let at = 0; at < 16; at++) contents[`${at}.bin`] = noise(limits.packObjectBytesMax)
  await publisher.publish(contents)
  const body = encodePackRequest(Object.values(contents).map(digestOf))
  const socket = await rawConnection(stage.url)
  socket.write(
    `POST /site/objects HTTP/1.1\r\nHost: t\r\nContent-Type: ${mediaTypes.octets}\r\nContent-Length: ${body.byteLength}\r\n\r\n`,
  )
  socket.write(body)
  const cut = async (): Promise<boolean> =>
    /longwave_\w*slow\w*cut\w* 1/.test(await (await fetch(`${stage.url}/-/metrics`)).text())
  while (!(await cut())) await new Promise((resolve) => setImmediate(resolve))
  t.ok(await cut(), 'the metrics count it')
  socket.destroy()
})

t.test('a damaged object breaks its pack off and is put aside', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.publish({ 'a.txt': 'one', 'b.txt': 'two' })
  const digest = digestOf('two')
  const file = path.join(stage.directory, 'objects', digest.slice(0, 2), digest)
  await chmod(file, 0o600)
  writeFileSync(file, 'twx')
  const response = await askPack(`${stage.url}/site`, encodePackRequest([digestOf('one'), digest]))
  t.equal(response.status, 200)
  await t.rejects(response.arrayBuffer(), 'it must not be taken for the whole')
  const isThere = () => readdirSync(path.dirname(file)).includes(digest)
  while (isThere()) await new Promise((resolve) => setImmediate(resolve))
  const again = await fetch(`${stage.url}/site/objects/${digest}`)
  t.equal(again.status, 404)
})

t.test('C1 C3: a tuner fetches many small files by packs, and large ones as ever', async (t) => {
  const stage = await openTunerStage(t)
  const files = { ...manyFiles(300), 'large.bin': 'x'.repeat(600_000) }
  const address = await stage.publish(files)
  const { packs, singles, transport } = noting(stage.transport)
  const tuner = await stage.tuner({ transport })
  const result = await tuner.subscribe({ address })
  t.equal(result.route?.kind, 'whole')
  t.equal(packs.length, 1, 'one request for all small files')
  t.ok(singles.length <= 4, 'the manifest and the large file')
  for (const [name, text] of Object.entries(files)) t.equal(await stage.read(name), text)

  const next = { ...files, ...Object.fromEntries(newTexts(files, 20)) }
  await stage.publish(next)
  singles.length = 0
  const [outcome] = await tuner.update(await tuner.select())
  t.equal(outcome?.ok, true)
  t.equal(packs.length, 2, 'an update by whole files comes so, too')
  t.ok(singles.length <= 2, 'the manifest')
  for (const [name, text] of Object.entries(next)) t.equal(await stage.read(name), text)
})

t.test('C62: a repeater answers packs as its origin does, to those who may read', async (t) => {
  const bench = await RepeaterBench.open()
  t.teardown(() => bench.close())
  const files = manyFiles(40)
  const summary = await bench.publish('site', files)
  const { repeater, url } = await bench.repeater()
  await bench.until(async () => (await fetch(`${url}/site/trust/timestamp.json`)).status !== 404)
  await repeater.sync()
  const offer = (await (await fetch(`${url}/site/deltas/0..1`)).json()) as RouteOffer
  t.same(offer.packs, { objectsMax: limits.packObjectsMax, bytesMax: limits.packBytesMax })
  const texts = Object.values(files)
  const response = await askPack(`${url}/site`, encodePackRequest(texts.map(digestOf)))
  t.equal((await unpacked(response)).toString(), texts.join(''))
  const unknown = await askPack(`${url}/site`, encodePackRequest([digestOf('?')]))
  t.same(await problem(unknown), [404, 'LW_REPEATER_NO_OBJECT'])
  const { packs, transport } = noting(bench.transport)
  const tuner = await bench.realTuner('reader', { transport })
  const result = await tuner.subscribe({ address: addressAt(url, summary) })
  t.equal(result.route?.kind, 'whole')
  t.same(packs, [`${url}/site/objects`])
  t.equal(await bench.readCurrent('reader', 'site', 'docs/7.txt'), files['docs/7.txt'])
})

t.test('C86: no packs pass the proxy: objects cross once, for everybody', async (t) => {
  const stage = await openTunerStage(t)
  const files = manyFiles(40)
  const address = await stage.publish(files)
  const origin = new URL(stage.channel).origin
  const proxy = createProxy({
    directory: path.join(stage.root, 'proxy'),
    listen: { host: '127.0.0.1', port: 0 },
    origins: [origin],
    logger: createLogger({ name: 'test', level: 'silent' }),
  })
  const url = await proxy.start()
  t.teardown(() => proxy.stop())
  const via = `${url}/-/via/${encodeURIComponent(origin)}/site`
  t.type(((await (await fetch(`${stage.channel}/deltas/0..1`)).json()) as RouteOffer).packs, Object)
  for (const headers of [{}, { authorization: 'Bearer lwp_somebody' }]) {
    const answer = await fetch(`${via}/deltas/0..1`, { headers })
    t.ok(answer.ok)
    t.equal(((await answer.json()) as RouteOffer).packs, undefined)
  }
  const refused = await askPack(via, encodePackRequest([digestOf('file 1\n'.repeat(100))]))
  t.same(await problem(refused), [404, 'LW_PROXY_TARGET'])
  const { packs, transport } = noting(stage.transport)
  const tuner = await stage.tuner({ transport })
  await tuner.subscribe({ address, proxy: url })
  t.same(packs, [])
  t.equal(await stage.read('docs/7.txt'), files['docs/7.txt'])
})
