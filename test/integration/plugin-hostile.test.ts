import t from 'tap'
import { UpdateClient } from '../support/backchannel-client.ts'
import { backChannelFixture, channelName } from '../support/backchannel.ts'
import { countingPlugin, curiousPlugin, wildPlugin } from '../support/backchannel-plugins.ts'

// Limits of time are waited for.
t.setTimeout(120_000)

const quick = { redeliverEveryMs: 100, redeliverBaseMs: 200, restartBaseMs: 100, callMs: 1_000 }
const wildness = ['throw', 'loop', 'exit', 'hang', 'memory', 'flood', 'huge', 'unfit']

t.test(
  'S40 S68 C48: whatever a plug-in does, updates go on and it gets all feedback once',
  async (t) => {
    const fixture = await backChannelFixture(t, quick)
    await fixture.publish({ 'a.txt': 'a' })
    const channels = wildness.map((what) => ({ what, name: `wild-${what}` }))
    for (const { name } of channels) {
      await fixture.allow({ channel: name })
      const summary = { channel: `${fixture.url}/${name}`, plugin: wildPlugin }
      await fixture.publish({ 'a.txt': 'a' }, summary)
    }
    const transport = fixture.transport
    const quiet = new UpdateClient({ transport, url: `${fixture.url}/${channelName}` })
    let polls = 0
    let isDone = false
    const polling = (async () => {
      while (!isDone) {
        quiet.append(`poll ${polls}`)
        await quiet.post()
        polls++
      }
    })()
    const clients = channels.map(({ name, what }) => {
      const client = new UpdateClient({ transport, url: `${fixture.url}/${name}` })
      client.append('before', what, 'after')
      return { client, name, what }
    })
    const answers = await Promise.all(clients.map(({ client }) => client.post()))
    t.same(
      answers.map((answer) => answer?.acknowledged?.sequence),
      wildness.map(() => 3),
      'every update was answered, and its feedback is in the log',
    )
    for (const { name, what } of clients) {
      for (;;) {
        const { feedback } = await fixture.pluginStatus(name)
        if (feedback.undelivered === 0) break
        await new Promise((resolve) => setImmediate(resolve))
      }
      const seen = fixture.pluginRows('select text from seen order by id', name)
      const expected = ['before', what, 'after']
      t.same(
        seen.map((row) => row['text']),
        expected,
        what,
      )
    }
    isDone = true
    await polling
    t.ok(polls > 20, `another channel was served all the time (${polls})`)
    t.equal((await fixture.exported()).length, polls)
  },
)

t.test('S40: a plug-in sees nothing of the transmitter’s environment', async (t) => {
  process.env['LONGWAVE_TEST_SECRET'] = 'canary'
  t.teardown(() => {
    delete process.env['LONGWAVE_TEST_SECRET']
  })
  const fixture = await backChannelFixture(t)
  await fixture.allow()
  await fixture.publish({ 'a.txt': 'a' }, { plugin: curiousPlugin })
  const { transport } = fixture
  const client = new UpdateClient({ transport, url: `${fixture.url}/${channelName}` })
  const answer = await client.post()
  const reply = Buffer.from(answer?.reply?.data ?? '', 'base64').toString('utf8')
  t.same(JSON.parse(reply).env, {})
})

t.test(
  'C48: a plug-in that is not allowed does not run; its feedback is kept for it',
  async (t) => {
    const fixture = await backChannelFixture(t)
    await fixture.publish({ 'a.txt': 'a' }, { plugin: countingPlugin })
    const { transport } = fixture
    const client = new UpdateClient({ transport, url: `${fixture.url}/${channelName}` })
    client.append('one')
    t.equal((await client.post())?.reply, undefined)
    t.match(await fixture.pluginStatus(), {
      feedback: { undelivered: 1 },
      health: { state: 'idle' },
    })
    await fixture.allow()
    const answer = await client.post()
    t.match(Buffer.from(answer?.reply?.data ?? '', 'base64').toString('utf8'), /"seen":1/)
    await fixture.allow({ isAllowed: false })
    client.append('two')
    t.equal((await client.post())?.reply, undefined)
    t.equal((await fixture.pluginStatus()).feedback.undelivered, 1)
  },
)

t.test(
  'C48: the next publish replaces a plug-in while it runs; a broken one costs nothing',
  async (t) => {
    const fixture = await backChannelFixture(t)
    await fixture.allow()
    const { transport } = fixture
    const client = new UpdateClient({ transport, url: `${fixture.url}/${channelName}` })
    const versioned = (text: string): string => `export const update = () => ({ reply: '${text}' })`
    const replyOf = async (): Promise<string> =>
      Buffer.from((await client.post())?.reply?.data ?? '', 'base64').toString('utf8')
    await fixture.publish({ 'a.txt': 'a' }, { plugin: versioned('one') })
    t.equal(await replyOf(), 'one')
    await fixture.publish({}, { plugin: versioned('two') })
    t.equal(await replyOf(), 'two')
    await fixture.publish({ 'a.txt': 'b' })
    t.equal(await replyOf(), 'two', 'a release without a word of it keeps it')
    await fixture.publish({}, { plugin: 'this is no module' })
    client.append('kept')
    t.equal(await replyOf(), '')
    t.equal((await fixture.pluginStatus()).feedback.undelivered, 1)
    await fixture.publish({}, { plugin: versioned('four') })
    t.equal(await replyOf(), 'four')
    t.equal((await fixture.pluginStatus()).feedback.undelivered, 0)
  },
)

t.test(
  'C51: effects happen once although the plug-in and the transmitter are killed',
  async (t) => {
    const fixture = await backChannelFixture(t, quick)
    await fixture.allow()
    await fixture.publish({ 'a.txt': 'a' }, { plugin: countingPlugin })
    const { transport } = fixture
    const url = `${fixture.url}/${channelName}`
    const clients = Array.from({ length: 10 }, () => new UpdateClient({ transport, url }))
    for (let round = 0; round < 4; round++) {
      for (const [at, client] of clients.entries()) client.append(`${round} ${at}`)
      await Promise.all(clients.map((client) => client.post()))
      if (round === 1) await fixture.restart()
      else {
        const pid = (await fixture.pluginStatus()).health.pid
        if (pid !== undefined) process.kill(pid, 'SIGKILL')
      }
    }
    while ((await fixture.pluginStatus()).feedback.undelivered > 0) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    const rows = fixture.pluginRows('select text, times from seen')
    t.equal(rows.length, 40)
    t.ok(rows.every((row) => row['times'] === 1))
  },
)

t.test('C51: one transaction that fails takes no other one along', async (t) => {
  const fixture = await backChannelFixture(t)
  await fixture.allow()
  const plugin = `
    export function init({ database }) {
      database.exec('CREATE TABLE seen (text TEXT)')
    }
    export async function update(request, context) {
      await context.transaction(async (db, entries) => {
        for (const entry of entries) db.run('INSERT INTO seen VALUES (?)', entry.text())
        await new Promise((resolve) => setImmediate(resolve))
        if (entries.some((entry) => entry.text().endsWith(' 3'))) throw new Error('no threes')
      })
    }`
  await fixture.publish({ 'a.txt': 'a' }, { plugin })
  const { transport } = fixture
  const url = `${fixture.url}/${channelName}`
  const clients = Array.from({ length: 12 }, () => new UpdateClient({ transport, url }))
  for (const [at, client] of clients.entries()) client.append(`text ${at}`)
  await Promise.all(clients.map((client) => client.post()))
  const rows = fixture.pluginRows('select text from seen order by text')
  t.equal(rows.length, 11)
  t.notOk(rows.some((row) => row['text'] === 'text 3'))
  t.equal((await fixture.pluginStatus()).feedback.undelivered, 1)
})

t.test('S68: a plug-in whose transaction never ends is started again', async (t) => {
  const fixture = await backChannelFixture(t, { ...quick, answerWaitMs: 1_500 })
  await fixture.allow()
  const plugin = `
    export function init({ database }) {
      database.exec('CREATE TABLE IF NOT EXISTS tries (n INTEGER)')
    }
    export async function update(request, context) {
      const { n } = context.database.get('SELECT count(*) AS n FROM tries')
      context.database.run('INSERT INTO tries VALUES (1)')
      await context.transaction(() => (n === 0 ? new Promise(() => undefined) : undefined))
    }`
  await fixture.publish({ 'a.txt': 'a' }, { plugin })
  const { transport } = fixture
  const url = `${fixture.url}/${channelName}`
  const clients = Array.from({ length: 18 }, () => new UpdateClient({ transport, url }))
  await Promise.all(clients.map((client) => client.post()))
  while ((await fixture.pluginStatus()).health.falls === 0) await clients[0]?.post()
  // Calls are refused until it is up; one that is not has come through.
  for (;;) {
    const { failures } = (await fixture.pluginStatus()).health
    await clients[0]?.post()
    const { health } = await fixture.pluginStatus()
    if (health.state === 'running' && health.failures === failures) break
  }
  t.ok((await fixture.pluginStatus()).health.falls >= 1)
})
