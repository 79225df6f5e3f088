import { brotliCompressSync, constants } from 'node:zlib'
import t from 'tap'
import { digestOf, limits } from '../../protocol/index.ts'
import { type FileSystem, nodeFileSystem } from '../../store/durable-files/index.ts'
import { createRepeaterToken } from '../../transmitter/index.ts'
import { createTransport } from '../../transport/index.ts'
import { UpdateClient } from '../support/backchannel-client.ts'
import { noise, RawPublisher, startTransmitter } from '../support/transmitter-stage.ts'

t.setTimeout(120_000)

t.test('S68: strangers fill no disk with feedback; the owner is told, updates go on', async (t) => {
  const feedbackBytesMax = 100_000
  const stage = await startTransmitter(t, { feedbackBytesMax })
  const publisher = new RawPublisher(stage, 'site')
  await publisher.publish({ a: 'one' })
  const transport = createTransport({ userAgent: 'test' })
  t.teardown(() => transport.stop())
  const client = () => new UpdateClient({ transport, url: `${stage.url}/site` })
  const known = client()
  known.append('first')
  await known.post()
  let refused = 0
  for (let count = 0; count < 10; count++) {
    const stranger = client()
    stranger.append('x'.repeat(20_000))
    await stranger.post().catch((error: unknown) => {
      t.match(error, { code: 'LW_FEEDBACK_FULL' })
      refused++
    })
  }
  t.equal(refused, 7, 'no stream begins in the last quarter')
  known.append('second')
  t.equal((await known.post(2))?.acknowledged?.sequence, 2, 'a known tuner has room left')
  t.match(await client().post(), { head: { release: 1 } }, 'without feedback all goes on')
  const authorization = `Bearer ${stage.token}`
  const status = async () =>
    (await (await fetch(`${stage.url}/-/status`, { headers: { authorization } })).json()) as {
      readonly channels: readonly { readonly feedback: Record<string, number> }[]
    }
  const [channel] = (await status()).channels
  t.match(channel?.feedback, { entries: 5, refused: 7, bytesMax: feedbackBytesMax })
  t.ok(Number(channel?.feedback['bytes']) < feedbackBytesMax)
  const stranger = client()
  stranger.append('x'.repeat(50_000))
  await t.rejects(stranger.post(), { code: 'LW_FEEDBACK_FULL' })
  const health = await fetch(`${stage.url}/-/health`)
  t.equal(health.status, 200, 'whoever fills a log does not end the service')
  t.match(await health.text(), /1 feedback logs are full/)
})

t.test('S68: no feedback is taken when the disk is almost full', async (t) => {
  const disk = { isFull: false }
  const fileSystem: FileSystem = Object.create(nodeFileSystem, {
    statfs: {
      value: async (path: string) => {
        const figures = await nodeFileSystem.statfs(path)
        return disk.isFull ? { ...figures, freeBytes: 1 } : figures
      },
    },
  })
  const stage = await startTransmitter(t, { fileSystem })
  await new RawPublisher(stage, 'site').publish({ a: 'one' })
  const transport = createTransport({ userAgent: 'test' })
  t.teardown(() => transport.stop())
  const client = new UpdateClient({ transport, url: `${stage.url}/site` })
  client.append('a word')
  disk.isFull = true
  await t.rejects(client.post(), { code: 'LW_FEEDBACK_FULL' })
})

t.test('S69: a password reads; it publishes nothing and opens no admin page', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.publish({ a: 'one' })
  const authorization = `Basic ${Buffer.from(`anybody:${stage.token}`).toString('base64')}`
  const draft = publisher.draft({ a: 'two' })
  const begun = await fetch(`${stage.url}/site/releases`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'text/plain', origin: 'https://elsewhere.test' },
    body: draft.bytes,
  })
  t.equal(begun.status, 401, 'what a form of another site sends by itself')
  for (const route of ['/-/admin/feedback/site', '/-/admin/plugins/site', '/site/releases']) {
    const answer = await fetch(stage.url + route, { headers: { authorization } })
    await answer.arrayBuffer()
    t.equal(answer.status, 401, route)
  }
  const status = await fetch(`${stage.url}/-/status`, { headers: { authorization } })
  t.notMatch(await status.text(), /"feedback"/)
  const page = await fetch(`${stage.url}/site`, { headers: { authorization } })
  t.equal(page.status, 200)
})

t.test('S69: of two URLs that come at once a repeater’s token keeps one', async (t) => {
  const stage = await startTransmitter(t)
  await new RawPublisher(stage, 'site').publish({ a: 'one' })
  const { directory } = stage
  const { token } = await createRepeaterToken({ directory, channels: '*' })
  const urls = Array.from({ length: 8 }, (_, at) => `http://127.0.0.1:${9000 + at}`)
  const ask = async (url: string): Promise<number> => {
    const answer = await fetch(`${stage.url}/-/repeaters/report`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ url, channels: [], ready: [] }),
    })
    await answer.arrayBuffer()
    return answer.status
  }
  const statuses = await Promise.all(urls.map(ask))
  t.equal(statuses.filter((status) => status === 204).length, 1, statuses.join(' '))
  const kept = urls[statuses.indexOf(204)] ?? ''
  t.equal(await ask(kept), 204)
})

t.test('S58: beginning an upload makes no file for what is missing', async (t) => {
  const opened: string[] = []
  const fileSystem: FileSystem = Object.create(nodeFileSystem, {
    open: {
      value: (...[path, flags, mode]: Parameters<FileSystem['open']>) => {
        if (path.includes('/partial/')) opened.push(path)
        return nodeFileSystem.open(path, flags, mode)
      },
    },
  })
  const stage = await startTransmitter(t, { fileSystem })
  const publisher = new RawPublisher(stage, 'site')
  await publisher.makeRoot()
  const large = [noise(1_200_000), noise(1_200_001), noise(1_200_002)] as const
  const draft = publisher.draft({ a: large[0], b: large[1], c: large[2] })
  const begun = (await publisher.begin(draft)).body
  t.equal(begun.missing.length, 3)
  t.same(opened, [])
  const sha256 = digestOf(large[1])
  const sent = await publisher.send(begun.upload, [
    { name: { kind: 'segment', sha256, offset: 0 }, bytes: large[1].subarray(0, 500_000) },
  ])
  t.equal(sent.status, 200)
  opened.length = 0
  const again = (await publisher.begin(draft)).body
  const received = new Map(again.missing.map((row) => [row.sha256, row.received]))
  t.equal(received.get(sha256), 500_000, 'what came in pieces is gone on with')
  t.equal(opened.length, 1)
})

t.test('C83: a main that is no file of the release is not taken in', async (t) => {
  const stage = await startTransmitter(t)
  const publisher = new RawPublisher(stage, 'site')
  await publisher.makeRoot()
  const attributes = { kind: 'application', main: 'nope.mjs' } as const
  const refused = await publisher.begin(publisher.draft({ 'a.mjs': '1' }, attributes))
  t.equal(refused.status, 422)
  t.match(refused.body, { code: 'LW_TRANSMIT_NO_MAIN' })
  const taken = await publisher.begin(publisher.draft({ 'nope.mjs': '1' }, attributes))
  t.equal(taken.status, 200)
})

t.test('S16: a few packed bytes that stand for millions of values cost nothing', async (t) => {
  const stage = await startTransmitter(t)
  const begin = async (text: Uint8Array): Promise<{ status: number; code: string; ms: number }> => {
    const beganMs = performance.now()
    const answer = await fetch(`${stage.url}/site/releases`, {
      method: 'POST',
      headers: { authorization: `Bearer ${stage.token}`, 'content-encoding': 'br' },
      body: brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } }),
    })
    const { code } = (await answer.json()) as { readonly code: string }
    return { status: answer.status, code, ms: performance.now() - beganMs }
  }
  const zeros = await begin(Buffer.from(`{"a":[${'0,'.repeat(30_000_000)}0]}`))
  t.match(zeros, { status: 400, code: 'LW_FORMAT_DOCUMENT' })
  t.ok(zeros.ms < 5000, `${zeros.ms} ms`)
  const before = process.memoryUsage.rss()
  const packed = Buffer.alloc(limits.manifestBytesMax + 1, '0')
  const held = process.memoryUsage.rss() - before
  t.match(await begin(packed), { status: 413, code: 'LW_SERVE_BODY_TOO_LARGE' })
  const grown = process.memoryUsage.rss() - before - held
  t.ok(grown < 100_000_000, `${grown} bytes more`)
  const broken = await fetch(`${stage.url}/site/releases`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stage.token}`, 'content-encoding': 'br' },
    body: 'no brotli',
  })
  t.match(await broken.json(), { status: 422, code: 'LW_TRANSMIT_WRONG_MANIFEST' })
})
