import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { type Digest, digestOf, filesOf, parseManifest } from '../../protocol/index.ts'
import { createProxy, type ProxyServer } from '../../proxy/index.ts'
import { createLogger } from '../../serving/index.ts'
import {
  createPublishToken,
  createRepeaterToken,
  revokePublishToken,
} from '../../transmitter/index.ts'
import { parsePrivateKey, signTicket } from '../../trust/index.ts'
import { UpdateClient } from '../support/backchannel-client.ts'
import { RepeaterBench } from '../support/repeater-bench.ts'

const text = 'for members only\n'.repeat(40)
const blob = randomBytes(60_000).toString('hex')

async function openClosed(t: { teardown(end: () => Promise<unknown>): void }) {
  const bench = await RepeaterBench.open()
  t.teardown(() => bench.close())
  const closed = { attributes: { access: 'closed' } }
  await bench.publish('site', { 'a.txt': text, 'b.txt': blob }, closed)
  const summary = await bench.publish('site', { 'a.txt': text, 'b.txt': `${blob}2` }, closed)
  await bench.publish('other', { 'a.txt': 'x' }, closed)
  await bench.idle()
  const directory = path.join(bench.home, 'transmitter')
  const token = (channels: string) => createPublishToken({ directory, channels, scope: 'read' })
  const key = parsePrivateKey(
    await readFile(path.join(directory, 'keys', 'site.ticket.pem'), 'utf8'),
  )
  const ticket = (seconds: number, channelId = summary.channelId as Digest) =>
    signTicket(
      { channelId, tunerId: digestOf('t'), expires: Math.floor(Date.now() / 1000) + seconds },
      key,
    )
  return { bench, summary, directory, token, ticket }
}

async function statusOf(url: string, authorization?: string): Promise<number> {
  const answer = await fetch(url, authorization === undefined ? {} : { headers: { authorization } })
  await answer.arrayBuffer()
  return answer.status
}

function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
}

t.test('C54: nothing of a closed channel is told to those without token or ticket', async (t) => {
  const { bench, summary, directory, token, ticket } = await openClosed(t)
  const { token: reader } = await token('site')
  const { token: elsewhere } = await token('other')
  const repeaterToken = await createRepeaterToken({ directory, channels: '*' })
  const { repeater, url: mirror } = await bench.repeater({ token: repeaterToken.token })
  await repeater.sync()
  const offer = (await (
    await fetch(`${bench.url}/site/deltas/1..2`, { headers: { authorization: `Bearer ${reader}` } })
  ).json()) as { readonly sha256?: string }
  t.ok(offer.sha256, 'there is a bundle')
  const steps = `${mirror}/site/deltas/1..2`
  await bench.until(async () => (await statusOf(steps, `Bearer ${ticket(60)}`)) === 200)
  const content = [
    '/site',
    '/site/subscription',
    '/site/trust/timestamp.json',
    '/site/trust/1.root.json',
    `/site/objects/${summary.manifestId}`,
    `/site/objects/${digestOf(text)}`,
    '/site/deltas/1..2',
    `/site/deltas/1..2/${offer.sha256}`,
  ]
  for (const [server, paths] of [
    [bench.url, [...content, '/site/index', '/site/files/a.txt']],
    [mirror, content],
  ] as const) {
    for (const path of paths) {
      const ask = (authorization?: string) => statusOf(server + path, authorization)
      t.equal(await ask(), 401, `${path} without anything`)
      t.equal(await ask('Bearer lwp_wrong'), 401)
      t.equal(await ask(`Bearer ${elsewhere}`), 401, 'with the token of another channel')
      t.equal(await ask(`Bearer ${ticket(60)}`), 200, `${path} with a ticket`)
      t.equal(await ask(`Bearer ${ticket(-60)}`), 401, 'with one that is over')
      t.equal(await ask(`Bearer ${ticket(60, digestOf('x'))}`), 403, 'with another channel’s')
    }
    const list = await (await fetch(server, { headers: { accept: 'application/json' } })).text()
    t.notMatch(list, /site|other/, 'the list does not name it')
  }
  for (const path of content) {
    t.equal(await statusOf(bench.url + path, `Bearer ${reader}`), 200, `${path} with a token`)
    t.equal(await statusOf(bench.url + path, basic('ann', reader)), 200, 'as a password, too')
    const answer = await fetch(bench.url + path, { headers: { authorization: `Bearer ${reader}` } })
    t.match(answer.headers.get('cache-control'), /private|no-store/, 'nobody else’s cache keeps it')
  }
})

t.test('C54: a token brings a ticket with each update; a ticket brings no other', async (t) => {
  const { bench, summary, directory, token } = await openClosed(t)
  const made = await token('site')
  const { transport } = bench
  const url = `${bench.url}/site`
  const member = new UpdateClient({ transport, url, authorization: `Bearer ${made.token}` })
  const answer = await member.post()
  const ticket = answer?.ticket ?? ''
  const object = `${url}/objects/${summary.manifestId}`
  t.equal(await statusOf(object, `Bearer ${ticket}`), 200)
  const holder = new UpdateClient({ transport, url, authorization: `Bearer ${ticket}` })
  await t.rejects(holder.post(), { code: 'LW_TRANSMIT_CLOSED' })
  await revokePublishToken({ directory, id: made.id })
  await t.rejects(member.post(), { code: 'LW_TRANSMIT_CLOSED' })
  t.equal(await statusOf(object, `Bearer ${made.token}`), 401, 'at once')
})

t.test('C90: a proxy gives nothing that a fresh authorisation would refuse', async (t) => {
  const { bench, summary, directory, token } = await openClosed(t)
  const [ann, ben] = [await token('site'), await token('site')]
  const clock = { aheadMs: 0, now: () => Date.now() + clock.aheadMs }
  const proxy: ProxyServer = createProxy({
    directory: path.join(bench.root, 'proxy'),
    listen: { host: '127.0.0.1', port: 0 },
    origins: [bench.url],
    logger: createLogger({ name: 'proxy', level: 'silent' }),
    clock,
  })
  const url = await proxy.start()
  t.teardown(() => proxy.stop())
  const via = `${url}/-/via/${encodeURIComponent(bench.url)}/site`
  const manifest = await fetch(`${bench.url}/site/objects/${summary.manifestId}`, {
    headers: { authorization: `Bearer ${ann.token}` },
  })
  const files = filesOf(parseManifest(Buffer.from(await manifest.arrayBuffer())))
  t.ok(files.some(({ sha256 }) => sha256 === digestOf(text)))
  const object = `${via}/objects/${digestOf(text)}`
  const first = await fetch(object, { headers: { authorization: `Bearer ${ann.token}` } })
  t.equal(await first.text(), text)
  t.match(first.headers.get('cache-control'), /private/)
  const status = async () =>
    (await (await fetch(`${url}/-/status`)).json()) as {
      readonly measures: { readonly contentBytesUpstream: number }
    }
  const crossed = (await status()).measures.contentBytesUpstream
  t.equal(await statusOf(object), 401, 'the bytes lie here, but not for everybody')
  t.equal(await statusOf(object, 'Bearer lwp_wrong'), 401)
  t.equal(await statusOf(object, `Bearer ${ben.token}`), 200)
  const after = (await status()).measures.contentBytesUpstream
  // Refusals are small documents that are handed through.
  t.ok(after - crossed < text.length * 2, `${after - crossed} bytes crossed for the second reader`)
  await revokePublishToken({ directory, id: ann.id })
  clock.aheadMs += 31_000
  t.equal(await statusOf(object, `Bearer ${ann.token}`), 401, 'what was granted is not kept')
  t.equal(await statusOf(object, `Bearer ${ben.token}`), 200)
  t.equal(await statusOf(`${via}/trust/timestamp.json`, `Bearer ${ben.token}`), 200)
  t.equal(await statusOf(`${via}/trust/timestamp.json`), 401, 'a poll is kept for nobody else')
  t.equal(await statusOf(`${via}/trust/1.root.json`), 401)
})

t.test('C61 S69: the token of a repeater speaks for its own URL only', async (t) => {
  const { bench, directory } = await openClosed(t)
  const { token } = await createRepeaterToken({ directory, channels: '*' })
  const authorization = `Bearer ${token}`
  const poll = (url: string) =>
    statusOf(`${bench.url}/-/repeaters/poll?url=${encodeURIComponent(url)}`, authorization)
  const report = async (url: string) =>
    (
      await fetch(`${bench.url}/-/repeaters/report`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ url, channels: [], ready: [] }),
      })
    ).status
  t.equal(await poll('http://eu.example.test'), 200)
  t.equal(await report('http://eu.example.test'), 204)
  t.equal(await poll('http://us.example.test'), 403)
  t.equal(await report('http://us.example.test'), 403)
  t.equal(await poll('http://eu.example.test'), 200, 'it goes on as itself')
})
