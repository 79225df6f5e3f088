import { randomBytes } from 'node:crypto'
import t from 'tap'
import { parseChannelAddress } from '../../protocol/index.ts'
import type { RepeaterStatus } from '../../repeater/index.ts'
import type { Tuner } from '../../tuner/index.ts'
import { RepeaterBench, type RunningRepeater } from '../support/repeater-bench.ts'

async function statusOf({ url }: RunningRepeater): Promise<RepeaterStatus> {
  return (await (await fetch(`${url}/-/status`)).json()) as RepeaterStatus
}

/** Bytes of objects and bundles that the origin has sent. */
async function originContentBytes(bench: RepeaterBench): Promise<number> {
  const text = await (await fetch(`${bench.url}/-/metrics`)).text()
  return Number(/^longwave_object_bytes_total (\d+)/m.exec(text)?.[1])
}

async function updateAll(tuners: readonly Tuner[]): Promise<void> {
  await Promise.all(
    tuners.map(async (tuner) => {
      const [outcome] = await tuner.update(await tuner.select())
      if (outcome?.ok !== true) throw outcome?.error
    }),
  )
}

async function repeaterOf(tuner: Tuner): Promise<string | undefined> {
  return (await tuner.select())[0]?.repeater
}

t.test('C61 C63 C64 C66: 2 repeaters, 20 tuners, one switch', async (t) => {
  const bench = await RepeaterBench.open()
  t.teardown(() => bench.close())
  const blob = randomBytes(300_000)
  const files = { 'index.html': '<h1>one</h1>', 'blob.bin': blob }
  await bench.publish('site', files)
  const token = await bench.token()
  const repeaters = [await bench.repeater({ token }), await bench.repeater({ token })]
  for (const { repeater } of repeaters) await repeater.sync()
  const attributes = {
    repeaters: repeaters.map(({ url }) => ({ url })),
    assignment: 'round-robin',
  }
  const second = await bench.publish(
    'site',
    { ...files, 'index.html': '<h1>two</h1>' },
    { attributes, waitSeconds: 30 },
  )
  t.strictSame(
    second.repeaters.map(({ state }) => state),
    ['ready', 'ready'],
  )

  const before = await originContentBytes(bench)
  const names = Array.from({ length: 20 }, (_, number) => `tuner-${number}`)
  const tuners = await Promise.all(names.map((name) => bench.realTuner(name)))
  const address = parseChannelAddress(second.link ?? '')
  const subscribed = await Promise.all(tuners.map((tuner) => tuner.subscribe({ address })))
  t.ok(subscribed.every(({ to }) => to === 2))
  t.equal(await originContentBytes(bench), before, 'the origin sent no content to them')
  const chosen = await Promise.all(tuners.map(repeaterOf))
  const counts = repeaters.map(({ url }) => chosen.filter((one) => one === url).length)
  t.strictSame(counts, [10, 10], 'spread within one of even, and remembered')

  const third = await bench.publish(
    'site',
    { ...files, 'index.html': '<h1>three</h1>' },
    { waitSeconds: 30 },
  )
  t.ok(third.repeaters.every(({ state }) => state === 'ready'))
  const between = await originContentBytes(bench)
  await updateAll(tuners)
  t.equal(await originContentBytes(bench), between, 'C66: not for the update either')
  const pages = () =>
    Promise.all(names.map((name) => bench.readCurrent(name, 'site', 'index.html')))
  t.strictSame(new Set(await pages()), new Set(['<h1>three</h1>']))
  for (const repeater of repeaters) {
    const status = await statusOf(repeater)
    t.ok(status.registered && status.servedBytes > 10 * blob.byteLength)
    t.match(status.channels, [{ name: 'site', release: 3, head: 3, lagSeconds: 0 }])
  }

  const [first] = repeaters
  if (first === undefined) throw new Error('lost')
  await first.stop()
  const fourth = await bench.publish(
    'site',
    { ...files, 'index.html': '<h1>four</h1>' },
    { waitSeconds: 30 },
  )
  const states = new Map(fourth.repeaters.map(({ url, state }) => [url, state]))
  t.not(states.get(first.url), 'ready', 'C61: who is down is shown')
  t.equal(states.get(repeaters[1]?.url ?? ''), 'ready', 'and holds up nobody')
  await updateAll(tuners)
  t.strictSame(new Set(await pages()), new Set(['<h1>four</h1>']))
  const now = await Promise.all(tuners.map(repeaterOf))
  t.ok(
    now.every((one) => one === repeaters[1]?.url),
    'C67: tuners of the one that is down were given a substitute',
  )
})

t.test('C67: an update request brings a repeater along, and a substitute', async (t) => {
  const bench = await RepeaterBench.open()
  t.teardown(() => bench.close())
  const first = await bench.publish('site', { 'index.html': 'one' })
  const tuner = await bench.realTuner('tuner')
  await tuner.subscribe({ address: parseChannelAddress(first.link ?? '') })
  t.equal(await repeaterOf(tuner), undefined, 'there was none')
  const running = await bench.repeater({ token: await bench.token() })
  await running.repeater.sync()
  const attributes = { repeaters: [{ url: `${running.url}/` }], assignment: 'round-robin' }
  await bench.publish('site', { 'index.html': 'two' }, { attributes, waitSeconds: 30 })
  const [subscription] = await tuner.select('site')
  const feedback = { type: 'text/plain', data: Buffer.from('hello') }
  await tuner.context.feedback.append(subscription?.id ?? '', feedback)
  await updateAll([tuner])
  t.equal(await repeaterOf(tuner), running.url, 'remembered without the slash')

  await running.stop()
  await bench.publish('site', { 'index.html': 'three' }, { waitSeconds: 0 })
  await tuner.context.feedback.append(subscription?.id ?? '', feedback)
  await updateAll([tuner])
  t.equal(await bench.readCurrent('tuner', 'site', 'index.html'), 'three')
  t.equal(await repeaterOf(tuner), undefined, 'the origin itself, while it is down')
})
