import { readFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { type Digest, digestOf } from '../../protocol/index.ts'
import { createRepeaterToken } from '../../transmitter/index.ts'
import { parsePrivateKey, signTicket } from '../../trust/index.ts'
import { RepeaterBench } from '../support/repeater-bench.ts'

t.test('S69: prepared releases and news are for tokens of repeaters only', async (t) => {
  const bench = await RepeaterBench.open()
  t.teardown(() => bench.close())
  await bench.publish('site', { 'index.html': 'one' })
  const directory = path.join(bench.home, 'transmitter')
  const made = await createRepeaterToken({ directory, channels: 'site' })
  const ask = async (file: string, token?: string): Promise<number> => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    return (await fetch(`${bench.url}${file}`, { headers })).status
  }
  const poll = '/-/repeaters/poll?url=http://r.test'
  t.equal(await ask(poll), 401)
  t.equal(await ask(poll, 'lwp_wrong'), 401)
  t.equal(await ask(poll, made.token), 200)
  const prepared = `/-/repeaters/prepared/none/objects/${digestOf('x')}`
  t.equal(await ask(prepared), 401)
  t.equal(await ask(prepared, made.token), 404)
  t.equal(await ask('/site/releases', made.token), 401, 'it publishes nothing')
  t.equal(await ask('/-/repeaters/poll?url=nothing', made.token), 400)
})

t.test('C62: a closed channel is mirrored, and read with a ticket of its origin', async (t) => {
  const bench = await RepeaterBench.open()
  t.teardown(() => bench.close())
  const summary = await bench.publish(
    'site',
    { 'index.html': 'for members' },
    { attributes: { access: 'closed' } },
  )
  const directory = path.join(bench.home, 'transmitter')
  const { token } = await createRepeaterToken({ directory, channels: '*' })
  const { repeater, url } = await bench.repeater({ token })
  await bench.until(async () => (await fetch(`${url}/site/trust/timestamp.json`)).status !== 404)
  await repeater.sync()
  const manifest = `${url}/site/objects/${summary.manifestId}`
  t.equal((await fetch(manifest)).status, 401, 'knowing a hash grants nothing')
  const key = parsePrivateKey(
    await readFile(path.join(directory, 'keys', 'site.ticket.pem'), 'utf8'),
  )
  const expires = Math.floor(Date.now() / 1000) + 60
  const ticketFor = (channelId: Digest): string =>
    signTicket({ channelId, tunerId: digestOf('tuner'), expires }, key)
  const read = async (ticket: string): Promise<number> =>
    (await fetch(manifest, { headers: { authorization: `Bearer ${ticket}` } })).status
  t.equal(await read(ticketFor(summary.channelId as Digest)), 200)
  t.equal(await read(ticketFor(digestOf('another channel'))), 403)
  t.equal(await read('lwt1.nonsense'), 403)
})
