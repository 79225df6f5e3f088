import { randomBytes } from 'node:crypto'
import t from 'tap'
import { parseChannelAddress, type RepeaterNews } from '../../protocol/index.ts'
import { createTransport, systemClock } from '../../transport/index.ts'
import type { Tuner } from '../../tuner/index.ts'
import { type ChaosReply, type ChaosServer, startChaosServer } from '../support/chaos-server.ts'
import { type Files, RepeaterBench } from '../support/repeater-bench.ts'

interface Honest {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

interface Attack {
  readonly name: string
  readonly tamper: (path: string, honest: Honest, world: World) => ChaosReply | Promise<ChaosReply>
}

/** What an attacker may know: everything that was ever public. */
interface World {
  /** An answer of the origin. */
  honest(path: string): Promise<Honest>
  /** The first release's files under `trust/`, as they were. */
  readonly old: ReadonlyMap<string, Buffer>
  /** Every path that this attack was asked for. */
  readonly asked: string[]
}

// Many attacks, each with a publish and an update.
t.setTimeout(90_000)

const isObject = (path: string): boolean => /\/objects\/|\/deltas\/.+\//.test(path)

function answer({ status, headers, body }: Honest): ChaosReply {
  return { kind: 'answer', status, headers, body }
}

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  const at = copy.byteLength >> 1
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

const attacks: readonly Attack[] = [
  {
    name: 'S1: metadata with a flipped bit',
    tamper: (path, honest) =>
      answer(path.includes('/trust/') ? { ...honest, body: flipped(honest.body) } : honest),
  },
  {
    name: 'S2: the metadata of the first release',
    tamper(path, honest, world) {
      const old = world.old.get(path.slice(path.indexOf('/trust/') + 7))
      return answer(old === undefined ? honest : { ...honest, status: 200, body: old })
    },
  },
  {
    name: 'S5: the old snapshot and targets under the new timestamp',
    tamper(path, honest, world) {
      const kind = /\.(snapshot|targets)\.json$/.exec(path)?.[1]
      const body =
        kind === undefined ? undefined : [...world.old].find(([name]) => name.includes(kind))?.[1]
      return answer(body === undefined ? honest : { ...honest, status: 200, body })
    },
  },
  {
    name: 'S9: another channel',
    tamper: async (path, _honest, world) =>
      answer(await world.honest(path.replace('/site/', '/other/'))),
  },
  {
    name: 'S6: endless metadata',
    tamper: (path, honest) =>
      path.includes('/trust/')
        ? { kind: 'answer', body: Buffer.alloc(65_536, 32), chunked: true, endless: true }
        : answer(honest),
  },
  {
    name: 'S6: endless content',
    tamper: (path, honest) =>
      isObject(path)
        ? { kind: 'answer', body: randomBytes(65_536), chunked: true, endless: true }
        : answer(honest),
  },
  {
    name: 'R24: content with a flipped bit',
    tamper: (path, honest) =>
      answer(isObject(path) ? { ...honest, body: flipped(honest.body) } : honest),
  },
  {
    name: 'R23: content that breaks off',
    tamper: (path, honest) =>
      isObject(path)
        ? { kind: 'answer', status: honest.status, body: honest.body, cutBodyAt: 10 }
        : answer(honest),
  },
  {
    name: 'S9: other bytes of the same length',
    tamper: (path, honest) =>
      answer(isObject(path) ? { ...honest, body: randomBytes(honest.body.byteLength) } : honest),
  },
  {
    name: 'S19: redirects to itself',
    tamper: (path, honest) =>
      isObject(path) && !path.startsWith('/again')
        ? { kind: 'answer', status: 302, headers: { location: `/again${path}` } }
        : answer(
            honest.status === 404 ? { ...honest, status: 200, body: randomBytes(99) } : honest,
          ),
  },
  { name: 'S10: nothing but errors', tamper: () => ({ kind: 'answer', status: 500, body: 'no' }) },
  { name: 'S10: nothing but resets', tamper: () => ({ kind: 'reset' }) },
  {
    name: 'S1: a root of its own',
    tamper: (path, honest) =>
      answer(
        path.endsWith('.root.json') ? { ...honest, status: 200, body: Buffer.from('{}') } : honest,
      ),
  },
]

async function honestAnswer(bench: RepeaterBench, path: string): Promise<Honest> {
  const response = await fetch(`${bench.url}${path}`)
  const body = Buffer.from(await response.arrayBuffer())
  const headers: Record<string, string> = {}
  for (const name of ['etag', 'content-type', 'date']) {
    const value = response.headers.get(name)
    if (value !== null) headers[name] = value
  }
  return { status: response.status, headers, body }
}

/** Tells the origin that the attacker serves its head, as a repeater would. */
async function pretend(bench: RepeaterBench, url: string): Promise<void> {
  const authorization = `Bearer ${await bench.token()}`
  const asked = await fetch(`${bench.url}/-/repeaters/poll?url=${encodeURIComponent(url)}`, {
    headers: { authorization },
  })
  const news = (await asked.json()) as RepeaterNews
  const channels = news.heads.map(({ name, channel, release }) => ({
    name,
    channel,
    release,
    manifest: channel,
  }))
  await fetch(`${bench.url}/-/repeaters/report`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ url, channels, ready: [] }),
  })
}

async function updateOnce(tuner: Tuner) {
  const [outcome] = await tuner.update(await tuner.select('site'))
  if (outcome?.ok !== true) throw outcome?.error
  return outcome.result
}

class Stage {
  readonly bench: RepeaterBench
  readonly chaos: ChaosServer
  readonly files: Files = {
    'index.html': '<h1>0</h1>',
    'same.txt': 'same\n'.repeat(100),
    'blob.bin': randomBytes(40_000),
  }
  #number = 0
  attack: Attack | undefined
  asked: string[] = []
  old = new Map<string, Buffer>()

  constructor(bench: RepeaterBench, chaos: ChaosServer) {
    this.bench = bench
    this.chaos = chaos
    chaos.behave(async ({ target }) => {
      this.asked.push(target)
      const honest = await honestAnswer(bench, target.replace(/^\/again/, ''))
      if (this.attack === undefined) return answer(honest)
      const world = {
        honest: (path: string) => honestAnswer(bench, path),
        old: this.old,
        asked: this.asked,
      }
      return this.attack.tamper(target, honest, world)
    })
  }

  /** Publishes the next release; the attacker claims to serve it. */
  async publish(): Promise<{ readonly page: string; readonly link: string }> {
    const page = `<h1>${++this.#number}</h1>`
    const files = { ...this.files, 'index.html': page, 'blob.bin': randomBytes(40_000) }
    const attributes = { repeaters: [{ url: this.chaos.url }], assignment: 'round-robin' }
    const summary = await this.bench.publish('site', files, { attributes, waitSeconds: 0 })
    await pretend(this.bench, this.chaos.url)
    // With the bundle at hand nobody is told to come again for it.
    await this.bench.idle()
    return { page, link: summary.link ?? '' }
  }
}

async function openStage(t: { teardown(end: () => Promise<void>): void }): Promise<Stage> {
  const bench = await RepeaterBench.open()
  const chaos = await startChaosServer(() => ({ kind: 'close' }))
  t.teardown(async () => {
    await chaos.stop()
    await bench.close()
  })
  await bench.publish('other', { 'index.html': 'another channel' })
  return new Stage(bench, chaos)
}

t.test('S10: whatever a repeater does, nothing but the signed release arrives', async (t) => {
  const stage = await openStage(t)
  const { bench, chaos } = stage
  const first = await stage.publish()
  const address = parseChannelAddress(first.link)
  for (const name of ['timestamp.json', '1.snapshot.json', '1.targets.json']) {
    stage.old.set(name, (await honestAnswer(bench, `/site/trust/${name}`)).body)
  }
  let tuner = await bench.realTuner('victim')
  const subscribed = await tuner.subscribe({ address })
  t.equal(subscribed.subscription.repeater, chaos.url, 'the attacker is its repeater')
  for (const attack of attacks) {
    const { page } = await stage.publish()
    // A restart forgets that the repeater failed before; the assignment is set anew.
    await tuner.stop()
    tuner = await bench.realTuner('victim')
    const [subscription] = await tuner.select('site')
    if (subscription === undefined) throw new Error('lost')
    await tuner.context.subscriptions.save({ ...subscription, repeater: chaos.url })
    stage.attack = attack
    stage.asked = []
    const result = await updateOnce(tuner)
    t.equal(await bench.readCurrent('victim', 'site', 'index.html'), page, attack.name)
    t.equal(result.outcome, 'updated')
    t.ok(stage.asked.length > 0, 'the attacker was asked first')
    const verified = await tuner.verify((await tuner.select('site'))[0] ?? subscription)
    t.equal(verified.damages.length, 0)
  }
})

t.test('S4 S10: a repeater that answers 304 for ever is found out by the daily look', async (t) => {
  const stage = await openStage(t)
  const { bench } = stage
  const first = await stage.publish()
  let aheadMs = 0
  const clock = { ...systemClock, now: () => Date.now() + aheadMs }
  const tuner = await bench.realTuner('victim', { clock })
  await tuner.subscribe({ address: parseChannelAddress(first.link) })
  const next = await stage.publish()
  stage.attack = {
    name: '304',
    tamper: (path, honest) =>
      path.endsWith('timestamp.json') ? { kind: 'answer', status: 304 } : answer(honest),
  }
  t.equal((await updateOnce(tuner)).outcome, 'unchanged')
  aheadMs = 25 * 3600_000
  t.equal((await updateOnce(tuner)).outcome, 'updated')
  t.equal(await bench.readCurrent('victim', 'site', 'index.html'), next.page)
})

t.test('C67: a lagging repeater is no attack: the tuner asks elsewhere and keeps it', async (t) => {
  const stage = await openStage(t)
  const { bench, chaos } = stage
  const first = await stage.publish()
  const tuner = await bench.realTuner('tuner')
  for (const name of ['timestamp.json', '1.snapshot.json', '1.targets.json']) {
    stage.old.set(name, (await honestAnswer(bench, `/site/trust/${name}`)).body)
  }
  await tuner.subscribe({ address: parseChannelAddress(first.link) })
  await stage.publish()
  await updateOnce(tuner)
  const third = await stage.publish()
  stage.attack = attacks[1]
  const result = await updateOnce(tuner)
  t.equal(result.to, 3)
  t.equal(await bench.readCurrent('tuner', 'site', 'index.html'), third.page)
  const [subscription] = await tuner.select('site')
  t.equal(subscription?.repeater, chaos.url, 'the origin believes that it is current')
})

const silences: readonly Attack[] = [
  { name: 'never a word', tamper: () => ({ kind: 'silent' }) },
  {
    name: 'metadata, but no content',
    tamper: (path, honest) => (isObject(path) ? { kind: 'silent' } : answer(honest)),
  },
  {
    name: 'content that stops half-way',
    tamper: (path, honest) =>
      isObject(path)
        ? { kind: 'answer', status: 200, body: honest.body, stallBodyAt: honest.body.length >> 1 }
        : answer(honest),
  },
]

t.test('S10 R23 C67: a repeater that says nothing any more holds nobody up for long', async (t) => {
  const stage = await openStage(t)
  const { bench, chaos } = stage
  const first = await stage.publish()
  const retry = { attemptsMax: 2, connectAttemptsMax: 1, backoffBaseMs: 20 }
  const timeouts = { stallMs: 300, documentMs: 2_000 }
  const transport = createTransport({ userAgent: 'longwave-test', retry, timeouts })
  t.teardown(() => transport.stop())
  // Patience is as long as ever by this clock, which runs fast.
  const sleep = (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 50, signal)
  const clock = { now: () => Date.now(), sleep }
  for (const [at, silence] of silences.entries()) {
    stage.attack = undefined
    const name = `tuner ${at}`
    const tuner = await bench.realTuner(name, { transport, clock })
    await tuner.subscribe({ address: parseChannelAddress(first.link) })
    const [subscription] = await tuner.select('site')
    if (subscription === undefined) throw new Error('lost')
    await tuner.context.subscriptions.save({ ...subscription, repeater: chaos.url })
    const { page } = await stage.publish()
    stage.attack = silence
    stage.asked = []
    t.equal((await updateOnce(tuner)).outcome, 'updated', silence.name)
    t.equal(await bench.readCurrent(name, 'site', 'index.html'), page)
    t.ok(stage.asked.length > 0, 'it was asked first')
  }
})
