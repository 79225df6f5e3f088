import { mkdir, readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { connectChannel } from '../../sdk/index.ts'
import {
  backChannelFixture,
  channelName,
  theSubscription,
  updateOnce,
} from '../support/backchannel.ts'
import type { Tuner } from '../../tuner/index.ts'

/** Runs a tuner's local API; returns how a channel reaches it. */
async function serve(t: Tap, tuner: Tuner) {
  const stop = new AbortController()
  const running = tuner.run({ signal: stop.signal })
  t.teardown(async () => {
    stop.abort()
    await running
  })
  const { accesses } = tuner.context
  const subscription = await theSubscription(tuner)
  for (;;) {
    const access = await accesses.find(subscription.id)
    const isThere = await stat(access?.socket ?? '').catch(() => undefined)
    if (access !== undefined && isThere !== undefined) return access
    await new Promise((resolve) => setImmediate(resolve))
  }
}

type Tap = { teardown(work: () => unknown): void }

t.test(
  'C71 C72: a running channel is told, keeps its release, and installs it at once',
  async (t) => {
    const fixture = await backChannelFixture(t)
    await fixture.publish({ 'news.txt': 'one' })
    const tuner = await fixture.subscriber('tuner')
    const access = await serve(t, tuner)
    t.equal((await stat(access.socket)).mode & 0o777, 0o600)
    const current = path.join(fixture.root, 'tuner', 'tuner', 'channels', channelName, 'current')
    const channel = await connectChannel(access)
    t.teardown(() => channel.close())
    const hello = new Promise((resolve) => channel.on('hello', resolve))
    const told = new Promise<{ release: number; from: number }>((resolve) =>
      channel.on('update', resolve),
    )
    await hello
    await fixture.publish({ 'news.txt': 'two' })
    const result = await updateOnce(tuner)
    t.equal(result.outcome, 'deferred')
    t.match(await told, { release: 2, from: 1 })
    t.equal(await readFile(path.join(current, 'news.txt'), 'utf8'), 'one')
    const startedMs = performance.now()
    t.match(await channel.install(), { from: 1, to: 2 })
    t.equal(await readFile(path.join(current, 'news.txt'), 'utf8'), 'two')
    t.ok(performance.now() - startedMs < 1000, 'within a second')
  },
)

t.test('C71: an update that the channel ignores is applied when it quits', async (t) => {
  const fixture = await backChannelFixture(t)
  await fixture.publish({ 'news.txt': 'one' })
  const tuner = await fixture.subscriber('tuner')
  const access = await serve(t, tuner)
  const current = path.join(fixture.root, 'tuner', 'tuner', 'channels', channelName, 'current')
  const [first, second] = [await connectChannel(access), await connectChannel(access)]
  for (const channel of [first, second])
    await new Promise((resolve) => channel.on('hello', resolve))
  await fixture.publish({ 'news.txt': 'two' })
  t.equal((await updateOnce(tuner)).outcome, 'deferred')
  await first.close()
  t.equal(await readFile(path.join(current, 'news.txt'), 'utf8'), 'one', 'the other one runs on')
  await second.close()
  const subscription = await theSubscription(tuner)
  while ((await tuner.describe(subscription)).release < 2) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.equal(await readFile(path.join(current, 'news.txt'), 'utf8'), 'two')
})

t.test('C49 C98 C101: a channel appends feedback, on-line and off, in order', async (t) => {
  const fixture = await backChannelFixture(t)
  await fixture.publish({ 'news.txt': 'one' })
  const tuner = await fixture.subscriber('tuner')
  const data = path.join(fixture.root, 'tuner', 'tuner', 'channels', channelName, 'data')
  await mkdir(data, { recursive: true })
  const alone = await connectChannel({ data })
  await alone.feedback('off-line one')
  await alone.feedback({ off: 'line two' })
  t.equal((await readdir(path.join(data, 'outbox'))).length, 2)
  const access = await serve(t, tuner)
  const channel = await connectChannel(access)
  await channel.update()
  await channel.feedback(new Uint8Array([1, 2, 3]))
  await t.rejects(channel.feedback('x'.repeat(64 * 1024 + 1)), { code: 'LW_FEEDBACK_TOO_LARGE' })
  await channel.update()
  const log = await fixture.exported()
  t.same(
    log.map((entry) => entry.text ?? entry.data),
    ['off-line one', '{"off":"line two"}', 'AQID'],
  )
  t.same(await readdir(path.join(data, 'outbox')), [])
})

t.test('S42: another token opens nothing', async (t) => {
  const fixture = await backChannelFixture(t)
  await fixture.publish({ 'news.txt': 'one' })
  const tuner = await fixture.subscriber('tuner')
  const access = await serve(t, tuner)
  const channel = await connectChannel({ socket: access.socket, token: 'lwc_wrong' })
  await t.rejects(channel.feedback('x'), { code: 'LW_CHANNEL_TOKEN' })
  await t.rejects(channel.install(), { code: 'LW_CHANNEL_TOKEN' })
})
