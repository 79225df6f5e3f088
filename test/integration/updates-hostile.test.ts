import { readFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { parseChannelAddress } from '../../protocol/index.ts'
import type { Transport } from '../../transport/index.ts'
import { Tuner } from '../../tuner/index.ts'
import {
  backChannelFixture,
  channelName,
  theSubscription,
  updateOnce,
} from '../support/backchannel.ts'
import { countingPlugin, greetingPlugin } from '../support/backchannel-plugins.ts'

type Answer = Record<string, unknown> & {
  trust: Record<string, string>
  reply?: { data: string }
  overlay?: { statement: string; signature: string }
}

/** Somebody between tuner and origin who changes answers to update requests. */
class Meddler {
  meddle: ((answer: Answer) => unknown) | undefined
  last: Answer | undefined

  over(transport: Transport): Transport {
    return {
      ...transport,
      fetchBytes: async (url, options) => {
        const answer = await transport.fetchBytes(url, options)
        if (options.method !== 'POST' || answer.status !== 200) return answer
        const value = JSON.parse(answer.bytes.toString('utf8')) as Answer
        this.last = structuredClone(value)
        const meddled = this.meddle?.(value) ?? value
        return { ...answer, bytes: Buffer.from(JSON.stringify(meddled)) }
      },
    }
  }
}

async function meddled(t: Tap, plugin: string) {
  const fixture = await backChannelFixture(t)
  await fixture.allow()
  const { link } = await fixture.publish(
    { 'index.html': 'one', 'greeting.txt': 'hello' },
    { plugin, attributes: { pluginPaths: ['greeting.txt', 'extra/'] } },
  )
  const meddler = new Meddler()
  const transport = meddler.over(fixture.transport)
  const tuner = new Tuner({ home: path.join(fixture.root, 'tuner'), transport })
  await tuner.start()
  t.teardown(() => tuner.stop())
  await tuner.subscribe({ address: parseChannelAddress(link) })
  const channel = path.join(fixture.root, 'tuner', 'tuner', 'channels', channelName)
  const say = async (text: string): Promise<void> => {
    const entry = { data: Buffer.from(text), type: 'text/plain' }
    await tuner.appendFeedback(await theSubscription(tuner), entry)
  }
  return { fixture, meddler, tuner, channel, say }
}

type Tap = { teardown(work: () => unknown): void }

t.test('C52 S10: a reply that was altered or replayed on its way is not taken', async (t) => {
  const { meddler, tuner, channel, say } = await meddled(t, countingPlugin)
  const reply = (): Promise<string> => readFile(path.join(channel, 'data', 'reply'), 'utf8')
  const before = await reply()
  const first = meddler.last
  await say('a')
  meddler.meddle = (answer) => {
    if (answer.reply !== undefined) {
      answer.reply.data = Buffer.from('{"seen":999}').toString('base64')
    }
  }
  t.match((await updateOnce(tuner)).warnings.join(), /LW_UPDATE_REPLY/)
  t.equal(await reply(), before)
  meddler.meddle = (answer) => ({ ...answer, reply: first?.reply })
  t.match((await updateOnce(tuner)).warnings.join(), /LW_UPDATE_REPLY/)
  t.equal(await reply(), before)
  meddler.meddle = undefined
  t.same((await updateOnce(tuner)).warnings, [])
  t.match(JSON.parse(await reply()), { seen: 1 })
})

t.test('C53 S10: an overlay that was altered or replayed on its way is not shown', async (t) => {
  const { meddler, tuner, channel, say } = await meddled(t, greetingPlugin)
  const shown = (): Promise<string> =>
    readFile(path.join(channel, 'current', 'extra', 'n.txt'), 'utf8')
  t.equal(await shown(), '0')
  const first = meddler.last?.overlay
  await say('a')
  meddler.meddle = (answer) => {
    if (answer.overlay !== undefined) {
      answer.overlay.statement = answer.overlay.statement.replace('greeting.txt', 'index.html')
    }
  }
  t.match((await updateOnce(tuner)).warnings.join(), /LW_UPDATE_OVERLAY/)
  t.equal(await shown(), '0')
  meddler.meddle = undefined
  t.same((await updateOnce(tuner)).warnings, [])
  t.equal(await shown(), '1')
  meddler.meddle = (answer) => ({ ...answer, overlay: first })
  await say('b')
  t.match((await updateOnce(tuner)).warnings.join(), /LW_UPDATE_OVERLAY/)
  t.equal(await shown(), '1')
  t.same((await tuner.verify(await theSubscription(tuner))).damages, [])
})

t.test('S2 S10: metadata that an answer brings are verified like any other', async (t) => {
  const { fixture, meddler, tuner, channel, say } = await meddled(t, countingPlugin)
  await fixture.publish({ 'index.html': 'two' })
  await say('a')
  meddler.meddle = (answer) => {
    for (const [name, text] of Object.entries(answer.trust)) {
      answer.trust[name] = text.replace('"release":2', '"release":9')
    }
  }
  const [outcome] = await tuner.update(await tuner.select())
  t.equal(outcome?.ok, false)
  t.match(outcome, { error: { exit: 13 } })
  t.equal(await readFile(path.join(channel, 'current', 'index.html'), 'utf8'), 'one')
  meddler.meddle = undefined
  t.equal((await updateOnce(tuner)).outcome, 'updated')
  t.equal(await readFile(path.join(channel, 'current', 'index.html'), 'utf8'), 'two')
  t.same(
    (await fixture.exported()).map((entry) => entry.text),
    ['a'],
  )
})

t.test(
  'an origin without update requests is polled; feedback waits and that is said',
  async (t) => {
    const fixture = await backChannelFixture(t)
    const { link } = await fixture.publish({ 'index.html': 'one' })
    let isRefusing = true
    const transport: Transport = {
      ...fixture.transport,
      fetchBytes: (url, options) =>
        fixture.transport.fetchBytes(
          isRefusing && options.method === 'POST' ? `${fixture.url}/nowhere/at/all` : url,
          options,
        ),
    }
    const tuner = new Tuner({ home: path.join(fixture.root, 'tuner'), transport })
    await tuner.start()
    t.teardown(() => tuner.stop())
    await tuner.subscribe({ address: parseChannelAddress(link) })
    const subscription = await theSubscription(tuner)
    await tuner.appendFeedback(subscription, { data: Buffer.from('a'), type: 'text/plain' })
    await fixture.publish({ 'index.html': 'two' })
    const result = await updateOnce(tuner)
    t.equal(result.outcome, 'updated')
    t.equal(result.warnings.length, 1)
    t.match(await tuner.describe(subscription), { feedback: { entries: 1 } })
    isRefusing = false
    t.same((await updateOnce(tuner)).warnings, [])
    t.match(await tuner.describe(subscription), { feedback: { entries: 0 } })
    t.equal((await fixture.exported()).length, 1)
  },
)
