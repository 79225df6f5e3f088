import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { isLongwaveError } from '../../protocol/index.ts'
import type { Transport } from '../../transport/index.ts'
import { transferError } from '../../transport/index.ts'
import type { SchedulerEvent, Tuner } from '../../tuner/index.ts'
import { openTunerStage, TestClock } from '../support/tuner-stage.ts'

const nothingThere = { status: 404, headers: {}, bytes: Buffer.alloc(0) }

/** A transport whose network can be taken away, with a count of polls. */
function switchable(inner: Transport) {
  const state = { isDown: false, polls: 0 }
  const transport: Transport = {
    ...inner,
    fetchBytes: (url, options) => {
      if (String(url).endsWith('timestamp.json')) state.polls++
      // Waiting for a bundle that is being made would take the test's own time.
      if (String(url).includes('/deltas/')) return Promise.resolve(nothingThere)
      if (state.isDown) {
        return Promise.reject(transferError('LW_TRANSFER_UNREACHABLE', { detail: 'No network.' }))
      }
      return inner.fetchBytes(url, options)
    },
  }
  return { state, transport }
}

/** Runs the scheduler; `next` waits for what it tells next. */
function schedule(t: { teardown(work: () => unknown): void }, tuner: Tuner) {
  const stop = new AbortController()
  const events: SchedulerEvent[] = []
  const waiting: ((event: SchedulerEvent) => void)[] = []
  const running = tuner.run({
    signal: stop.signal,
    onEvent: (event) => {
      const next = waiting.shift()
      if (next === undefined) events.push(event)
      else next(event)
    },
  })
  t.teardown(async () => {
    stop.abort()
    await running
  })
  const next = (): Promise<SchedulerEvent> => {
    const event = events.shift()
    if (event !== undefined) return Promise.resolve(event)
    return new Promise((resolve) => waiting.push(resolve))
  }
  return { next, events }
}

async function only(tuner: Tuner) {
  const [subscription] = await tuner.select('site')
  if (subscription === undefined) throw new Error('it is subscribed')
  return subscription
}

const minute = 60_000

t.test('C30 C31 R54: ten ticks asleep become one run', async (t) => {
  const stage = await openTunerStage(t)
  const address = await stage.publish({ 'index.html': 'one' })
  const clock = new TestClock(Date.now())
  const { state, transport } = switchable(stage.transport)
  const tuner = await stage.tuner({ clock, transport })
  await tuner.subscribe({ address, schedule: 'every 10 minutes' })
  await stage.publish({ 'index.html': 'two' })
  const { next, events } = schedule(t, tuner)
  await clock.slept()
  state.polls = 0
  clock.advance(100 * minute)
  // What was missed is caught up within a minute, so that a fleet does not wake as one.
  await clock.slept()
  clock.advance(minute)
  const event = await next()
  t.match(event, { type: 'result', result: { outcome: 'updated' } })
  t.equal(await stage.read('index.html'), 'two')
  await clock.slept()
  t.equal(state.polls, 1, 'one run, not ten')
  t.strictSame(events, [])
})

t.test('C5 R27: a network that is away is met with patience, and told', async (t) => {
  const stage = await openTunerStage(t)
  const address = await stage.publish({ 'index.html': 'one' })
  const clock = new TestClock(Date.now())
  const { state, transport } = switchable(stage.transport)
  const tuner = await stage.tuner({ clock, transport })
  await tuner.subscribe({ address, schedule: 'every 1 hour' })
  state.isDown = true
  const since = new Date(clock.now()).toISOString()
  const delays: number[] = []
  for (let attempt = 1; attempt <= 8; attempt++) {
    const [outcome] = await tuner.update(await tuner.select())
    t.notOk(outcome?.ok)
    const { status } = await tuner.describe(await only(tuner))
    t.equal(status.failure?.count, attempt)
    delays.push((status.failure?.retryMs ?? 0) - clock.now())
  }
  t.ok(
    delays.every((ms, at) => ms >= 1000 && ms <= 30_000 * 2 ** at),
    'drawn by chance below a ceiling that doubles',
  )
  t.match(await tuner.why(await only(tuner)), `could not be reached since ${since}, 8 times`)
  t.equal((await tuner.log(undefined, 100)).filter((one) => one.event === 'failed').length, 1)
  const { next } = schedule(t, tuner)
  state.isDown = false
  await clock.slept()
  clock.advance(2 * 60 * minute)
  const event = await next()
  t.equal(event.type, 'result', 'it asked again by itself')
  t.match(await tuner.why(await only(tuner)), /that was the newest/)
})

t.test('R30: a server that says when to come back is obeyed', async (t) => {
  const stage = await openTunerStage(t)
  const address = await stage.publish({ 'index.html': 'one' })
  const clock = new TestClock(Date.now())
  const { transport } = switchable(stage.transport)
  const busy = { isBusy: false }
  const tuner = await stage.tuner({
    clock,
    transport: {
      ...transport,
      fetchBytes: (url, options) => {
        if (!busy.isBusy) return transport.fetchBytes(url, options)
        const refusal = { detail: 'Busy.', retryAfterSeconds: 7200 }
        return Promise.reject(transferError('LW_TRANSFER_BUSY', refusal))
      },
    },
  })
  await tuner.subscribe({ address, schedule: 'every 10 minutes' })
  busy.isBusy = true
  await tuner.update(await tuner.select())
  const view = await tuner.describe(await only(tuner))
  t.equal(view.nextRunMs, clock.now() + 7200_000)
})

t.test('a rollout lets each tuner in at its own time; by name it goes at once', async (t) => {
  const stage = await openTunerStage(t)
  const address = await stage.publish({ 'index.html': 'one' })
  const clock = new TestClock(Date.now())
  const { transport } = switchable(stage.transport)
  const tuner = await stage.tuner({ clock, transport })
  await tuner.subscribe({ address, schedule: 'every 10 minutes' })
  await stage.publish({ 'index.html': 'two' }, { rolloutSeconds: 86_400 })
  const [outcome] = await tuner.update(await tuner.select(), { scheduled: true })
  if (outcome?.ok !== true) throw outcome?.error
  t.equal(outcome.result.outcome, 'waiting')
  const turnMs = Date.parse(outcome.result.turnAt ?? '')
  t.ok(turnMs > clock.now() - minute && turnMs <= clock.now() + 86_400_000 + minute)
  t.equal(await stage.read('index.html'), 'one')
  t.match(
    await tuner.why(await only(tuner)),
    /rolled out step by step, and this tuner's turn is at/,
  )
  clock.advance(turnMs - clock.now())
  const [turn] = await tuner.update(await tuner.select(), { scheduled: true })
  t.equal(turn?.ok === true ? turn.result.outcome : turn?.error, 'updated', 'its turn has come')

  const other = await stage.tuner({ clock, transport, home: path.join(stage.root, 'second') })
  await other.subscribe({ address })
  await stage.publish({ 'index.html': 'three' }, { rolloutSeconds: 86_400 })
  const [named] = await other.update(await other.select())
  t.equal(named?.ok === true ? named.result.outcome : named?.error, 'updated', 'at once')
})

t.test("C28: the administrator's rule is stronger than the user's wish", async (t) => {
  const stage = await openTunerStage(t)
  const address = await stage.publish(
    { 'index.html': 'one' },
    { attributes: { schedule: 'every 3 hours' } },
  )
  const tuner = await stage.tuner()
  await tuner.subscribe({ address })
  const view = async () => (await tuner.describe(await only(tuner))).schedule
  t.strictSame(await view(), { text: 'every 3 hours', by: 'developer' })
  await tuner.setSchedule(await only(tuner), 'every 5 hours')
  t.strictSame(await view(), { text: 'every 5 hours', by: 'user' })
  const policy = path.join(stage.home, 'tuner', 'policy.toml')
  await writeFile(policy, 'allow-override = false\n')
  t.strictSame(await view(), { text: 'every 3 hours', by: 'developer' })
  const refused = await tuner.setSchedule(await only(tuner), 'hourly').catch((e: unknown) => e)
  t.ok(isLongwaveError(refused, 'LW_TUNER_POLICY'))
  await writeFile(policy, `[channels."${stage.channel}"]\nschedule = "never"\n`)
  t.strictSame(await view(), { text: 'never', by: 'administrator' })
  t.match(
    await tuner.why(await only(tuner)),
    /only when you run longwave update site \(the administrator's rule\)/,
  )
  await writeFile(policy, 'schedule = "now and then"\n')
  const damaged = await view().catch((e: unknown) => e)
  t.ok(isLongwaveError(damaged, 'LW_TUNER_POLICY_DAMAGED'), 'a rule that cannot be read is told')
})

t.test('pause, hold and resume: scheduled runs stay, and why says so', async (t) => {
  const stage = await openTunerStage(t)
  const address = await stage.publish({ 'index.html': 'one' })
  const tuner = await stage.tuner()
  await tuner.subscribe({ address })
  await stage.publish({ 'index.html': 'two' })
  await tuner.setPaused(await only(tuner), true)
  const run = async (scheduled: boolean) => {
    const [outcome] = await tuner.update(await tuner.select(), { scheduled })
    return outcome?.ok === true ? outcome.result.outcome : outcome?.error
  }
  t.equal(await run(true), 'paused')
  t.match(await tuner.why(await only(tuner)), /updates are paused; longwave resume site/)
  t.equal(await run(false), 'updated', 'by name it goes')
  await tuner.setPaused(await only(tuner), false)
  await tuner.undo(await only(tuner))
  t.equal(await run(true), 'held')
  t.match(await tuner.why(await only(tuner)), /longwave update site lifts it/)
  await stage.publish({ 'index.html': 'three' })
  t.equal(await run(true), 'updated', 'a newer release ends the hold')
  t.equal((await only(tuner)).hold, undefined)
})
