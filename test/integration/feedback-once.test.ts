import { cp } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { parseChannelAddress, updateError } from '../../protocol/index.ts'
import { signRequest } from '../../trust/index.ts'
import { createTransport, type Transport } from '../../transport/index.ts'
import { Tuner } from '../../tuner/index.ts'
import { UpdateClient } from '../support/backchannel-client.ts'
import {
  type BackChannelFixture,
  backChannelFixture,
  channelName,
  theSubscription,
  updateOnce,
} from '../support/backchannel.ts'

const say = (text: string) => ({ data: Buffer.from(text), type: 'text/plain' })

async function append(tuner: Tuner, ...texts: readonly string[]): Promise<void> {
  const subscription = await theSubscription(tuner)
  for (const text of texts) await tuner.appendFeedback(subscription, say(text))
}

async function textsOf(fixture: BackChannelFixture): Promise<readonly (string | undefined)[]> {
  return (await fixture.exported()).map((entry) => entry.text)
}

/** Lets update requests through and loses the answers of the first ones. */
function losingAnswers(transport: Transport, count: number): Transport {
  let left = count
  return {
    ...transport,
    async fetchBytes(url, options) {
      const answer = await transport.fetchBytes(url, options)
      if (options.method === 'POST' && left-- > 0) throw updateError('LW_UPDATE_BUSY')
      return answer
    },
  }
}

t.test('C49: answers that are lost on their way double nothing', async (t) => {
  const fixture = await backChannelFixture(t)
  await fixture.publish({ 'a.txt': 'a' })
  const link = (await fixture.publish({ 'a.txt': 'b' })).link
  const transport = losingAnswers(fixture.transport, 3)
  const tuner = new Tuner({ home: path.join(fixture.root, 'tuner'), transport })
  await tuner.start()
  t.teardown(() => tuner.stop())
  await tuner.subscribe({ address: parseChannelAddress(link) })
  await append(tuner, 'one', 'two')
  const first = await updateOnce(tuner)
  t.match(first.warnings.at(-1), /LW_UPDATE_BUSY/, 'the update itself went on')
  await append(tuner, 'three')
  for (let round = 0; round < 4; round++) await updateOnce(tuner)
  t.same(await textsOf(fixture), ['one', 'two', 'three'])
  const { entries } = await tuner.context.feedback.counts((await theSubscription(tuner)).id)
  t.equal(entries, 0)
})

t.test('C49: restarts of the origin and of the tuner lose and double nothing', async (t) => {
  const fixture = await backChannelFixture(t)
  const { link } = await fixture.publish({ 'a.txt': 'a' })
  const home = path.join(fixture.root, 'tuner')
  const expected: string[] = []
  for (let round = 0; round < 4; round++) {
    // Odd rounds never learn what became of what they sent.
    const transport = losingAnswers(fixture.transport, round % 2 === 1 ? 5 : 0)
    const tuner = new Tuner({ home, transport })
    await tuner.start()
    try {
      if (round === 0) await tuner.subscribe({ address: parseChannelAddress(link) })
      await append(tuner, `r${round} a`, `r${round} b`)
      expected.push(`r${round} a`, `r${round} b`)
      await updateOnce(tuner)
    } finally {
      await tuner.stop()
    }
    await fixture.restart()
  }
  const last = await fixture.tuner('tuner')
  await updateOnce(last)
  t.same(await textsOf(fixture), expected)
  t.same(
    (await fixture.exported()).map((entry) => entry.sequence),
    expected.map((_, at) => at + 1),
  )
})

t.test(
  'C49: a cloned disk gets a key of its own; nothing of either is lost or doubled',
  async (t) => {
    const fixture = await backChannelFixture(t)
    await fixture.publish({ 'a.txt': 'a' })
    const origin = await fixture.subscriber('one')
    await append(origin, 'before')
    await updateOnce(origin)
    // In the queue when the disk is copied: it is the same event on both.
    await append(origin, 'pending')
    await origin.stop()
    await cp(path.join(fixture.root, 'one'), path.join(fixture.root, 'two'), {
      recursive: true,
      verbatimSymlinks: true,
    })
    const [one, two] = [await fixture.tuner('one'), await fixture.tuner('two')]
    const idOf = async (tuner: Tuner): Promise<string> =>
      (await tuner.context.feedback.identity((await theSubscription(tuner)).id)).tunerId
    t.equal(await idOf(one), await idOf(two), 'two copies of one tuner')
    await append(one, 'one a')
    await append(two, 'two a')
    for (const tuner of [one, two]) t.same((await updateOnce(tuner)).warnings, [])
    t.not(await idOf(one), await idOf(two), 'one of them has become another tuner')
    for (let round = 0; round < 3; round++) {
      await append(one, `one ${round}`)
      await append(two, `two ${round}`)
      await updateOnce(two)
      await updateOnce(one)
    }
    const texts = await textsOf(fixture)
    t.same([...texts].sort(), [
      'before',
      'one 0',
      'one 1',
      'one 2',
      'one a',
      'pending',
      'two 0',
      'two 1',
      'two 2',
      'two a',
    ])
    const ids = (await fixture.exported()).map((e) => `${e.tuner}.${e.epoch}.${e.sequence}`)
    t.equal(new Set(ids).size, ids.length)
  },
)

t.test(
  'C49: a request that is repeated gets the first answer; another body is refused',
  async (t) => {
    const fixture = await backChannelFixture(t)
    await fixture.publish({ 'a.txt': 'a' })
    const sent: { url: string; body: Buffer; headers: Record<string, string> }[] = []
    const recording: Transport = {
      ...fixture.transport,
      fetchBytes: (url, options) => {
        if (options.method === 'POST') {
          const body = Buffer.from(options.body ?? [])
          sent.push({ url: String(url), body, headers: { ...options.headers } })
        }
        return fixture.transport.fetchBytes(url, options)
      },
    }
    const { link } = await fixture.publish({ 'a.txt': 'b' })
    const tuner = new Tuner({ home: path.join(fixture.root, 'tuner'), transport: recording })
    await tuner.start()
    t.teardown(() => tuner.stop())
    await tuner.subscribe({ address: parseChannelAddress(link) })
    await append(tuner, 'once')
    await updateOnce(tuner)
    const [request] = sent
    if (request === undefined) throw new Error('nothing was sent')
    const post = (body: Buffer, headers: Record<string, string>) =>
      fixture.transport.fetchBytes(request.url, {
        method: 'POST',
        body,
        headers,
        bytesMax: 8 * 1024 * 1024,
      })
    const again = [
      await post(request.body, request.headers),
      await post(request.body, request.headers),
    ]
    t.same(again[0]?.bytes, again[1]?.bytes)
    t.equal(again[0]?.headers['cache-control'], 'private, no-store')
    t.same(await textsOf(fixture), ['once'])
    const { id } = await theSubscription(tuner)
    const space = tuner.context.feedback
    const identity = await space.identity(id)
    const body = JSON.parse(request.body.toString('utf8'))
    const other = Buffer.from(JSON.stringify({ ...body, release: 99 }))
    const sign = (bytes: Buffer) => ({
      ...request.headers,
      'longwave-tuner': signRequest(bytes, identity.keys),
    })
    await t.rejects(post(other, sign(other)), { code: 'LW_UPDATE_REUSED' })
    await t.rejects(post(other, request.headers), { code: 'LW_TRUST_REQUEST_SIGNATURE' })
    const stranger = Buffer.from(
      JSON.stringify({ ...body, tuner: '0'.repeat(64), request: '1'.repeat(32) }),
    )
    await t.rejects(post(stranger, sign(stranger)), { code: 'LW_UPDATE_TUNER' })
    const elsewhere = Buffer.from(
      JSON.stringify({ ...body, channel: '0'.repeat(64), request: '2'.repeat(32) }),
    )
    await t.rejects(post(elsewhere, sign(elsewhere)), { code: 'LW_UPDATE_CHANNEL' })
    const gap = Buffer.from(
      JSON.stringify({
        ...body,
        request: '3'.repeat(32),
        feedback: {
          ...body.feedback,
          entries: body.feedback.entries.map((entry: object) => ({ ...entry, sequence: 9 })),
        },
      }),
    )
    await t.rejects(post(gap, sign(gap)), { code: 'LW_FEEDBACK_GAP' })
    t.same(await textsOf(fixture), ['once'])
  },
)

t.test('C49: 100 tuners, 10 entries each, sent again and again, are all there once', async (t) => {
  const fixture = await backChannelFixture(t)
  await fixture.publish({ 'a.txt': 'a' })
  const transport = createTransport({ userAgent: 'test', connectionsPerOrigin: 16 })
  t.teardown(() => transport.stop())
  const url = `${fixture.url}/${channelName}`
  const clients = Array.from({ length: 100 }, () => new UpdateClient({ transport, url }))
  for (const [at, client] of clients.entries()) {
    client.append(...Array.from({ length: 10 }, (_, entry) => `${at} ${entry}`))
  }
  const parts = [
    [1, 4],
    [1, 7],
    [3, 10],
    [1, 10],
  ] as const
  await Promise.all(
    clients.map(async (client) => {
      for (const [from, to] of parts) {
        const answer = await client.post(from, to)
        if (answer?.acknowledged?.sequence !== to) throw new Error('not acknowledged')
      }
    }),
  )
  const log = await fixture.exported()
  t.equal(log.length, 1000)
  t.equal(new Set(log.map((entry) => entry.text)).size, 1000)
  const lastOf = new Map<string, number>()
  for (const { tuner, sequence } of log) {
    if (sequence !== (lastOf.get(tuner) ?? 0) + 1) t.fail(`${tuner} ${sequence} is out of order`)
    lastOf.set(tuner, sequence)
  }
  t.same(
    log.map((entry) => entry.position),
    log.map((_, at) => at + 1),
  )
})
