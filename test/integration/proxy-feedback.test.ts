import { readFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { parseChannelAddress } from '../../protocol/index.ts'
import { createProxy } from '../../proxy/index.ts'
import { createLogger } from '../../serving/index.ts'
import {
  backChannelFixture,
  channelName,
  theSubscription,
  updateOnce,
} from '../support/backchannel.ts'
import { countingPlugin } from '../support/backchannel-plugins.ts'
import { runCli } from '../support/cli-process.ts'

const listen = { host: '127.0.0.1', port: 0 }

t.test('C85 C91: a plug-in is called for each tuner behind a proxy as it is without', async (t) => {
  const fixture = await backChannelFixture(t)
  await fixture.allow()
  const { link } = await fixture.publish({ 'index.html': 'one' }, { plugin: countingPlugin })
  const proxy = createProxy({
    directory: path.join(fixture.root, 'proxy'),
    listen,
    origins: [fixture.url],
    logger: createLogger({ name: 'test', level: 'silent' }),
  })
  const url = await proxy.start()
  t.teardown(() => proxy.stop())
  const outcomes: unknown[] = []
  const callsOf = async () => (await fixture.pluginStatus()).health.calls ?? 0
  for (const [at, name] of ['direct', 'first', 'second'].entries()) {
    const tuner = await fixture.tuner(name)
    const before = await callsOf()
    await tuner.subscribe({
      address: parseChannelAddress(link),
      ...(name === 'direct' ? {} : { proxy: url }),
    })
    const subscription = await theSubscription(tuner)
    for (const text of ['a', 'b']) {
      await tuner.appendFeedback(subscription, {
        data: Buffer.from(`${text} of ${name}`),
        type: 'text/plain',
      })
    }
    const result = await updateOnce(tuner)
    const calls = (await callsOf()) - before
    const data = path.join(fixture.root, name, 'tuner', 'channels', channelName)
    const reply = JSON.parse(await readFile(path.join(data, 'data', 'reply'), 'utf8'))
    const page = await readFile(path.join(data, 'current', 'index.html'), 'utf8')
    outcomes.push({ calls, seen: reply.seen - 2 * at, page, warnings: result.warnings })
  }
  t.same(outcomes[1], outcomes[0])
  t.same(outcomes[2], outcomes[0])
  const texts = (await fixture.exported()).map((entry) => entry.text)
  t.same(
    texts,
    ['direct', 'first', 'second'].flatMap((name) => [`a of ${name}`, `b of ${name}`]),
  )
})

t.test('C88: LONGWAVE_PROXY is the twin of --proxy', async (t) => {
  const fixture = await backChannelFixture(t)
  const { link } = await fixture.publish({ 'index.html': 'one' })
  const proxy = createProxy({
    directory: path.join(fixture.root, 'proxy'),
    listen,
    origins: [fixture.url],
    logger: createLogger({ name: 'test', level: 'silent' }),
  })
  const url = await proxy.start()
  t.teardown(() => proxy.stop())
  const run = await runCli(['subscribe', link, '--json'], {
    home: path.join(fixture.root, 'by-environment'),
    env: { LONGWAVE_PROXY: url },
  })
  t.equal(run.code, 0, run.stderr)
  const status = (await (await fetch(`${url}/-/status`)).json()) as {
    readonly measures: { readonly polls: number; readonly objectMisses: number }
  }
  t.ok(status.measures.polls > 0 && status.measures.objectMisses > 0)
})
