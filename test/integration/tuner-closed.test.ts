import { once } from 'node:events'
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { parseChannelAddress } from '../../protocol/index.ts'
import { createProxy } from '../../proxy/index.ts'
import { createLogger } from '../../serving/index.ts'
import {
  createPublishToken,
  createRepeaterToken,
  revokePublishToken,
} from '../../transmitter/index.ts'
import { systemClock, type Transport } from '../../transport/index.ts'
import { openTuner, Tuner, type TunerOperations } from '../../tuner/index.ts'
import { rememberTicket } from '../../tuner/operations/tickets.ts'
import { makeCliFolder, runCli } from '../support/cli-process.ts'
import { RepeaterBench } from '../support/repeater-bench.ts'

type Tap = { teardown(end: () => unknown): void }

/** One request as it left the tuner. */
interface Shown {
  readonly url: string
  readonly authorization: string | undefined
}

async function openClosed(t: Tap) {
  const bench = await RepeaterBench.open()
  t.teardown(() => bench.close())
  const directory = path.join(bench.home, 'transmitter')
  const publish = (text: string, options: Record<string, unknown> = {}) => {
    const { attributes = {}, ...rest } = options as { attributes?: object }
    return bench.publish(
      'site',
      { 'a.txt': text, 'b.txt': `${text}\n`.repeat(2000) },
      { attributes: { access: 'closed', ...attributes }, ...rest },
    )
  }
  const first = await publish('one')
  const token = (channels = 'site') => createPublishToken({ directory, channels, scope: 'read' })
  return { bench, directory, publish, first, token, address: parseChannelAddress(first.link ?? '') }
}

/** A transport that tells what was shown where. */
function watched(transport: Transport): { transport: Transport; shown: Shown[] } {
  const shown: Shown[] = []
  type Asked = { headers?: Readonly<Record<string, string>>; authorization?: string | undefined }
  const note = (url: string | URL, { headers, authorization }: Asked): void => {
    shown.push({ url: String(url), authorization: authorization ?? headers?.['authorization'] })
  }
  return {
    shown,
    transport: {
      ...transport,
      fetchBytes(url, request) {
        note(url, request)
        return transport.fetchBytes(url, request)
      },
      fetchToSink(url, request) {
        note(url, request)
        return transport.fetchToSink(url, request)
      },
      fetchConditional: (url, request) => transport.fetchConditional(url, request),
      postForStream(url, request) {
        note(url, request)
        return transport.postForStream(url, request)
      },
      postJson: (url, request) => transport.postJson(url, request),
      upload: (url, request) => transport.upload(url, request),
      stop: () => transport.stop(),
      [Symbol.asyncDispose]: () => transport.stop(),
    },
  }
}

async function update(tuner: TunerOperations): Promise<{ to: number; outcome: string }> {
  const [outcome] = await tuner.update(await tuner.select())
  if (outcome?.ok !== true) throw outcome?.error ?? new Error('nothing is subscribed')
  return outcome.result
}

/** Every file below a folder whose bytes have the text. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name)
    if (entry.isFile() && (await readFile(file)).includes(text)) found.push(entry.name)
  }
  return found
}

const isTicket = (authorization = ''): boolean => authorization.startsWith('Bearer lwt1.')

// Real services start and publish many times.
t.setTimeout(120_000)

t.test('C54: a token subscribes, updates, heals; it is kept apart and ends with it', async (t) => {
  const { bench, publish, token, address } = await openClosed(t)
  const { shown, transport } = watched(bench.transport)
  const tuner = await bench.realTuner('tuner', { transport })
  const home = path.join(bench.root, 'tuner')
  await t.rejects(tuner.subscribe({ address }), { code: 'LW_TUNER_CLOSED', exit: 12 })
  const wrong = tuner.subscribe({ address, token: 'lwp_wrong' })
  await t.rejects(wrong, { code: 'LW_TUNER_CLOSED', exit: 12, next: /--read-token TOKEN/ })
  await t.rejects(tuner.subscribe({ address, token: 'two words' }), { code: 'LW_TUNER_TOKEN' })
  t.strictSame(await tuner.select(), [], 'nothing was subscribed')
  t.strictSame(await filesWith(home, 'lwp_wrong'), [], 'what opens nothing is kept nowhere')
  const { token: secret } = await token()
  shown.length = 0
  const { to, warnings } = await tuner.subscribe({ address, token: secret })
  t.equal(to, 1)
  t.strictSame(warnings, [])
  t.equal(await bench.readCurrent('tuner', 'site', 'a.txt'), 'one')
  for (const { url, authorization } of shown) {
    if (authorization === `Bearer ${secret}`) t.equal(url, `${bench.url}/site/update`)
    else t.ok(isTicket(authorization), `${url} with a ticket`)
  }
  const kept = path.join(home, 'tuner/channels/site/read-token.json')
  t.equal((await stat(kept)).mode & 0o777, 0o600)
  t.strictSame(await filesWith(home, secret), ['read-token.json'])
  const [subscription] = await tuner.select()
  if (subscription === undefined) throw new Error('it is subscribed')
  const words = [subscription, await tuner.describe(subscription), await tuner.log(undefined, 99)]
  t.notMatch(JSON.stringify(words), secret)

  await publish('two')
  t.equal((await update(tuner)).to, 2)
  const file = path.join(home, 'tuner/channels/site/current/a.txt')
  await chmod(file, 0o644)
  await writeFile(file, 'bad')
  await tuner.stop()
  // A process of its own has no ticket yet.
  const next = await bench.realTuner('tuner', { transport })
  t.equal((await next.verify(subscription, { heal: true })).healed, true)
  t.equal(await bench.readCurrent('tuner', 'site', 'a.txt'), 'two')
  await next.unsubscribe(subscription, { keepData: true })
  t.strictSame(await filesWith(home, secret), [], 'the token goes with the subscription')
})

t.test('C54: the first use without a fingerprint, a folder, and a look at the head', async (t) => {
  const { bench, publish, token } = await openClosed(t)
  const { token: secret } = await token()
  const { shown, transport } = watched(bench.transport)
  const tuner = await bench.realTuner('tuner', { transport })
  const directory = path.join(bench.root, 'folder')
  const address = parseChannelAddress(`${bench.url}/site`)
  await t.rejects(tuner.subscribe({ address }), { code: 'LW_TUNER_CLOSED' })
  const into = { directory, adopt: false, protect: [] }
  const first = await tuner.subscribe({ address, into, token: secret })
  t.equal(first.trustOnFirstUse, true)
  t.equal(await readFile(path.join(directory, 'a.txt'), 'utf8'), 'one')
  t.strictSame(await filesWith(directory, secret), [], 'nothing of it lies in the folder')
  const [subscription] = await tuner.select()
  if (subscription === undefined) throw new Error('it is subscribed')
  await tuner.appendFeedback(subscription, { type: 'text/plain', data: Buffer.from('x') })
  await tuner.stop()
  await publish('two')
  const next = await bench.realTuner('tuner', { transport })
  const [looked] = await next.update(await next.select(), { check: true })
  t.match(looked, { ok: true, result: { outcome: 'available', to: 2 } })
  t.equal((await next.context.feedback.counts(subscription.id)).entries, 1, 'feedback waits')
  t.equal((await update(next)).to, 2)
  t.equal((await next.context.feedback.counts(subscription.id)).entries, 0)
  t.equal(await readFile(path.join(directory, 'a.txt'), 'utf8'), 'two')
  await writeFile(path.join(directory, 'a.txt'), 'edited')
  t.equal((await next.verify(subscription, { heal: true })).healed, true)
  t.equal(await readFile(path.join(directory, 'a.txt'), 'utf8'), 'two')
  const secretly = shown.filter(({ authorization }) => authorization === `Bearer ${secret}`)
  t.ok(secretly.every(({ url }) => /\/site\/(update|trust\/1\.root\.json)$/.test(url)))
})

t.test('C54: tickets are renewed; a revoked token is refused and replaced', async (t) => {
  const { bench, directory, publish, token, address } = await openClosed(t)
  const [ann, ben] = [await token(), await token()]
  const { shown, transport } = watched(bench.transport)
  const clock = { ...systemClock, aheadMs: 0, now: () => Date.now() + clock.aheadMs }
  const tuner = await bench.realTuner('tuner', { transport, clock })
  await tuner.subscribe({ address, token: ann.token })
  const requests = (): number => shown.filter(({ url }) => url.endsWith('/update')).length
  const asked = requests()
  await update(tuner)
  t.equal(requests(), asked, 'a fresh ticket is used again')
  clock.aheadMs += 56 * 60_000
  await publish('two')
  t.equal((await update(tuner)).to, 2)
  t.equal(requests(), asked + 1, 'an old one is not')
  const [subscription] = await tuner.select()
  if (subscription === undefined) throw new Error('it is subscribed')
  rememberTicket(tuner.context, subscription, 'lwt1.of-an-earlier-key')
  clock.aheadMs += 2 * 60_000
  t.equal((await update(tuner)).to, 2)
  t.equal(requests(), asked + 2, 'one that is refused is replaced')

  await revokePublishToken({ directory, id: ann.id })
  clock.aheadMs += 56 * 60_000
  await publish('three')
  await t.rejects(update(tuner), {
    code: 'LW_TUNER_CLOSED',
    exit: 12,
    detail: /revoked/,
    untouched: /installed stays/,
  })
  t.equal(await bench.readCurrent('tuner', 'site', 'a.txt'), 'two', 'what is installed stays')
  const again = tuner.subscribe({ address, token: 'lwp_wrong' })
  await t.rejects(again, { code: 'LW_TUNER_CLOSED' })
  const home = path.join(bench.root, 'tuner')
  t.strictSame(await filesWith(home, ann.token), ['read-token.json'], 'a wrong one replaces none')
  t.equal((await tuner.subscribe({ address, token: ben.token })).to, 3)
  t.strictSame(await filesWith(home, ann.token), [])
  t.strictSame(await filesWith(home, ben.token), ['read-token.json'])
})

t.test('C54 C62 C90: repeater and proxy get tickets, and give nothing without', async (t) => {
  const { bench, directory, publish, token } = await openClosed(t)
  const repeaterToken = await createRepeaterToken({ directory, channels: '*' })
  const { repeater, url: mirror } = await bench.repeater({ token: repeaterToken.token })
  await repeater.sync()
  const attributes = { repeaters: [{ url: mirror }], assignment: 'round-robin' }
  const second = await publish('two', { attributes, waitSeconds: 30 })
  const address = parseChannelAddress(second.link ?? '')
  const made = await token()
  const { shown, transport } = watched(bench.transport)
  const tuner = await bench.realTuner('tuner', { transport })
  t.equal((await tuner.subscribe({ address, token: made.token })).to, 2)
  t.equal((await tuner.select())[0]?.repeater, mirror)
  await publish('three', { attributes, waitSeconds: 30 })
  t.equal((await update(tuner)).to, 3)
  const atMirror = shown.filter(({ url }) => url.startsWith(mirror))
  t.ok(atMirror.length > 2, 'content came from the repeater')
  t.ok(atMirror.every(({ authorization }) => isTicket(authorization)))
  t.equal(
    shown.some(({ url }) => /^\S+\/(objects|deltas)\//.test(url) && url.startsWith(bench.url)),
    false,
    'and none from the origin',
  )

  const proxy = createProxy({
    directory: path.join(bench.root, 'proxy'),
    listen: { host: '127.0.0.1', port: 0 },
    origins: [bench.url],
    logger: createLogger({ name: 'proxy', level: 'silent' }),
  })
  const between = await proxy.start()
  t.teardown(() => proxy.stop())
  await publish('four', { attributes: { repeaters: [] } })
  const inside = watched(bench.transport)
  const behind = await bench.realTuner('behind', { transport: inside.transport })
  const options = { address, proxy: between }
  await t.rejects(behind.subscribe(options), { code: 'LW_TUNER_CLOSED' })
  t.equal((await behind.subscribe({ ...options, token: made.token })).to, 4)
  t.ok(inside.shown.every(({ url }) => url.startsWith(between)))
  const stranger = await bench.realTuner('stranger')
  await t.rejects(stranger.subscribe(options), { code: 'LW_TUNER_CLOSED' }, 'cached for others')
  const wrong = stranger.subscribe({ ...options, token: 'lwp_wrong' })
  await t.rejects(wrong, { code: 'LW_TUNER_CLOSED' })
  t.equal((await stranger.subscribe({ ...options, token: made.token })).to, 4)
})

t.test('C54: a token goes over no redirect, and is not kept for an open channel', async (t) => {
  const { bench, first } = await openClosed(t)
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.url} ${request.headers.authorization ?? ''}`)
    const location = `/elsewhere${request.url}`
    response.writeHead(307, { location }).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const tuner = await bench.realTuner('tuner')
  const { channelId } = parseChannelAddress(first.link ?? '')
  for (const fragment of ['', `#${channelId}`]) {
    const address = parseChannelAddress(`http://127.0.0.1:${port}/site${fragment}`)
    const refused = tuner.subscribe({ address, token: 'lwp_secret' })
    await t.rejects(refused, { code: 'LW_TRANSFER_REDIRECT' })
  }
  t.equal(seen.length, 2)
  t.notMatch(seen.join(), /elsewhere/)

  const open = await bench.publish('open', { 'a.txt': 'for all' })
  const address = parseChannelAddress(open.link ?? '')
  const result = await tuner.subscribe({ address, token: 'lwp_secret' })
  t.match(result.warnings.join(), /was not kept/)
  const files = createServer((request, response) => {
    if (request.method !== 'GET') {
      response.writeHead(405).end()
      return
    }
    void fetch(bench.url + request.url).then(async (answer) => {
      response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()))
    })
  }).listen(0, '127.0.0.1')
  await once(files, 'listening')
  t.teardown(() => files.close())
  const at = `http://127.0.0.1:${(files.address() as AddressInfo).port}/open`
  const mirrored = { ...address, url: at, base: at.replace(/open$/, '') }
  const fromFiles = await tuner.subscribe({ address: mirrored, as: 'files', token: 'lwp_secret' })
  t.equal(fromFiles.to, 1, 'where nobody takes update requests none is needed')
  t.strictSame(await filesWith(path.join(bench.root, 'tuner'), 'lwp_secret'), [])
})

t.test('C28 C54: commands give the token to the tuner that runs', async (t) => {
  const { bench, publish, token, address } = await openClosed(t)
  const { token: secret } = await token()
  const running = await bench.realTuner('tuner')
  const stop = new AbortController()
  const ended = running.run({ signal: stop.signal })
  const home = path.join(bench.root, 'tuner')
  const find = () =>
    openTuner({
      home,
      transport: () => {
        throw new Error('the running tuner has the network')
      },
    }).catch(() => undefined)
  let remote = await find()
  while (remote === undefined || remote instanceof Tuner) {
    await new Promise((resolve) => setImmediate(resolve))
    remote = await find()
  }
  await t.rejects(remote.subscribe({ address, token: 'lwp_wrong' }), { code: 'LW_TUNER_CLOSED' })
  t.equal((await remote.subscribe({ address, token: secret })).to, 1)
  await publish('two')
  t.equal((await update(remote)).to, 2)
  stop.abort()
  await ended
})

t.test('C54: the command line subscribes, lists and tells no token', async (t) => {
  const { bench, directory, publish, token, address } = await openClosed(t)
  const folder = await makeCliFolder()
  t.teardown(() => folder.remove())
  const made = await token()
  const { home } = folder
  const env = { LONGWAVE_READ_TOKEN: made.token }
  const link = `${address.url}#${address.channelId}`
  const plain = await runCli(['channels', bench.url, '--json'], { home })
  t.strictSame(plain.objects, [])
  const listed = await runCli(['channels', bench.url, '--json'], { home, env })
  t.match(listed.objects, [{ name: 'site', release: 1 }])
  const other = ['channels', bench.url, '--json', '--read-token', (await token('other*')).token]
  t.strictSame((await runCli(other, { home })).objects, [])
  const closed = await runCli(['subscribe', link], { home })
  t.equal(closed.code, 12)
  t.match(closed.stderr, 'LW_TUNER_CLOSED')
  t.match(closed.stderr, `longwave subscribe ${address.url} --read-token TOKEN`)
  const runs = [
    await runCli(['subscribe', link, '--json'], { home, env }),
    await runCli(['list', '--json'], { home }),
    await runCli(['log', '--json'], { home }),
    await runCli(['status', '--json'], { home }),
  ]
  await publish('two')
  runs.push(await runCli(['update', '--json'], { home }))
  t.equal(runs.at(-1)?.last['to'], 2)
  await revokePublishToken({ directory, id: made.id })
  const revoked = await runCli(['update', '--json'], { home })
  t.equal(revoked.code, 12)
  const why = await runCli(['why', 'site'], { home })
  t.match(why.stdout, /closed/)
  for (const { stdout, stderr } of [...runs, revoked, why, closed, listed]) {
    t.notMatch(stdout + stderr, made.token)
  }
})
