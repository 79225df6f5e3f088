import t from 'tap'
import { RepeaterBench } from '../support/repeater-bench.ts'

async function json(url: string, init?: RequestInit) {
  const answer = await fetch(url, init)
  const body = (await answer.json()) as Record<string, unknown>
  return { status: answer.status, headers: answer.headers, body }
}

t.test(
  'C60 C62: a repeater mirrors, serves the same, and goes on while the origin is down',
  async (t) => {
    const bench = await RepeaterBench.open()
    t.teardown(() => bench.close())
    const guide = 'a guide\n'.repeat(5000)
    const first = await bench.publish('site', { 'index.html': '<h1>one</h1>', 'guide.txt': guide })
    const { repeater, url, directory, stop } = await bench.repeater()
    await repeater.sync()

    const tuner = bench.tuner('tuner', first)
    await tuner.fetch([`${url}/site`], await tuner.poll(`${url}/site`, true))
    t.equal(tuner.release, 1)
    t.equal(await tuner.read('guide.txt'), guide)

    const second = await bench.publish('site', {
      'index.html': '<h1>two</h1>',
      'guide.txt': `${guide}more\n`,
    })
    t.equal(second.release, 2)
    await repeater.sync()
    const fetched = await tuner.fetch([`${url}/site`], await tuner.poll(`${url}/site`, true))
    t.equal(tuner.release, 2)
    t.equal(fetched.route.kind, 'bundle', 'the bundle came along from the origin')
    t.equal(await tuner.read('index.html'), '<h1>two</h1>')

    const list = await json(`${url}/`)
    t.match(list.body, { channels: [{ name: 'site', release: 2, url: `${bench.url}/site` }] })
    const subscription = await json(`${url}/site/subscription`)
    t.equal(subscription.body['url'], `${bench.url}/site`, 'a tuner remembers the origin')
    const refused = await json(`${url}/site/update`, { method: 'POST', body: '{}' })
    t.equal(refused.status, 421)
    t.equal(refused.body['code'], 'LW_REPEATER_ASK_ORIGIN')
    const status = await json(`${url}/-/status`)
    t.match(status.body, { origin: bench.url, channels: [{ name: 'site', release: 2, head: 2 }] })
    t.equal((await json(`${url}/-/health`)).status, 200)

    await stop()
    await bench.stopOrigin()
    const again = await bench.repeater({ directory })
    const health = await json(`${again.url}/-/health`)
    t.equal(health.status, 503)
    t.match(health.body, { status: 'degraded', checks: { origin: { ok: false } } })
    const poll = await fetch(`${again.url}/site/trust/timestamp.json`)
    t.ok(Number(poll.headers.get('age')) >= 0, 'it says how old it is')
    const late = bench.tuner('late', first)
    await late.fetch([`${again.url}/site`], await late.poll(`${again.url}/site`, true))
    t.equal(late.release, 2)
    t.equal(await late.read('index.html'), '<h1>two</h1>')
  },
)
