import { once } from 'node:events'
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { isLongwaveError, LongwaveError } from '../../protocol/index.ts'
import { openTuner, Tuner } from '../../tuner/index.ts'
import { openTunerStage, type TunerStage } from '../support/tuner-stage.ts'

/** Runs a tuner's scheduler until the test's end; resolves when commands can come. */
async function runTuner(t: Tap, tuner: Tuner): Promise<AbortController> {
  const stop = new AbortController()
  const running = tuner.run({ signal: stop.signal })
  t.teardown(async () => {
    stop.abort()
    await running
  })
  return stop
}

type Tap = { teardown(work: () => unknown): void }

function remote(stage: TunerStage) {
  return openTuner({
    home: stage.home,
    transport: () => {
      throw new Error('the running tuner has the network')
    },
  })
}

async function untilListening(stage: TunerStage): Promise<void> {
  for (;;) {
    const tuner = await remote(stage).catch(() => undefined)
    if (tuner !== undefined && !(tuner instanceof Tuner)) return
    await new Promise((resolve) => setImmediate(resolve))
  }
}

t.test('C28 C29 R47: commands work through the tuner that runs', async (t) => {
  const stage = await openTunerStage(t)
  const address = await stage.publish({ 'index.html': 'one', 'docs/a.txt': 'a' })
  const running = await stage.tuner()
  await runTuner(t, running)
  await untilListening(stage)
  const socket = await stat(path.join(stage.home, 'tuner', 'control.sock'))
  t.equal(socket.mode & 0o777, 0o600, 'nobody else may use it')

  const tuner = await remote(stage)
  t.notOk(tuner instanceof Tuner, 'it is the other process that works')
  const progress: string[] = []
  const first = await tuner.subscribe({
    address,
    onProgress: (event) => progress.push(event.stage),
  })
  t.equal(first.to, 1)
  t.equal(await stage.read('index.html'), 'one')
  const [subscription] = await tuner.select('site')
  if (subscription === undefined) throw new Error('it is subscribed')
  await stage.publish({ 'index.html': 'two', 'docs/a.txt': 'a' })
  const told: number[] = []
  const [outcome] = await tuner.update([subscription], {
    onOutcome: (one) => told.push(one.ok ? one.result.to : 0),
  })
  t.equal(outcome?.ok === true ? outcome.result.to : outcome?.error, 2)
  t.strictSame(told, [2], 'outcomes come one by one')
  t.equal((await tuner.verify(subscription)).damages.length, 0)
  t.equal((await tuner.undo(subscription)).to, 1)
  t.equal(await stage.read('index.html'), 'one')
  t.match(await tuner.why(subscription), /undo holds it below release 2/)
  await tuner.setPaused(subscription, true)
  t.equal((await running.describe(subscription)).subscription.paused, true)
  await tuner.setSchedule(subscription, 'every 2 hours')
  const view = await tuner.describe(subscription)
  t.strictSame(view.schedule, { text: 'every 2 hours', by: 'user' })
  t.ok((await tuner.log([subscription], 10)).length > 3)
  await tuner.unsubscribe(subscription, { keepData: false })
  t.strictSame(await running.select(), [])
  t.ok(progress.length >= 0)
})

t.test('errors cross the socket as what they are', async (t) => {
  const stage = await openTunerStage(t)
  await runTuner(t, await stage.tuner())
  await untilListening(stage)
  const tuner = await remote(stage)
  const error = await tuner.select('nothing').catch((thrown: unknown) => thrown)
  t.ok(isLongwaveError(error, 'LW_TUNER_NO_CHANNEL'))
  if (!(error instanceof LongwaveError)) throw error
  t.equal(error.exit, 10)
  t.match(error.message, /No such subscription\. "nothing" is not subscribed\./)
  t.equal(error.next, 'longwave list')
  const refused = await tuner.run({ signal: new AbortController().signal }).catch((e: unknown) => e)
  t.ok(isLongwaveError(refused, 'LW_STORE_LOCKED'), 'two tuners in one home')
})

t.test('C105: a folder asks the command before local files go', async (t) => {
  const stage = await openTunerStage(t)
  const address = await stage.publish({ 'index.html': 'one' })
  await runTuner(t, await stage.tuner())
  await untilListening(stage)
  const tuner = await remote(stage)
  const directory = path.join(stage.root, 'folder')
  await mkdir(directory)
  await writeFile(path.join(directory, 'mine.txt'), 'mine')
  const into = { directory, adopt: true, protect: [] }
  const refusal = new LongwaveError('LW_TEST_REFUSED', {
    status: 400,
    exit: 2,
    retryable: false,
    says: 'No.',
  })
  const refused = await tuner
    .subscribe({
      address,
      into,
      onLocalChanges: () => {
        throw refusal
      },
    })
    .catch((error: unknown) => error)
  t.ok(isLongwaveError(refused, 'LW_TEST_REFUSED'), 'the refusal came back')
  const changes: string[] = []
  await tuner.subscribe({
    address,
    into,
    onLocalChanges: (all) => {
      changes.push(...all.map((one) => `${one.what} ${one.path}`))
    },
  })
  t.strictSame(changes, ['added mine.txt'])
})

t.test('a command that goes away ends what it asked for', async (t) => {
  const stage = await openTunerStage(t)
  const tuner = await stage.tuner()
  const ended = new Promise<boolean>((resolve) => {
    const verify = tuner.verify.bind(tuner)
    tuner.verify = async (subscription, options) => {
      await new Promise<void>((done) => options?.signal?.addEventListener('abort', () => done()))
      resolve(options?.signal?.aborted === true)
      return verify(subscription, options)
    }
  })
  await runTuner(t, tuner)
  await untilListening(stage)
  const socket = connect(path.join(stage.home, 'tuner', 'control.sock'))
  await once(socket, 'connect')
  socket.write(`${JSON.stringify({ operation: 'verify', arguments: { subscription: {} } })}\n`)
  socket.destroy()
  t.equal(await ended, true, 'what it asked for was told to end')
})

t.test('nonsense at the socket is answered or dropped, and harms nobody', async (t) => {
  const stage = await openTunerStage(t)
  await runTuner(t, await stage.tuner())
  await untilListening(stage)
  const file = path.join(stage.home, 'tuner', 'control.sock')
  for (const text of ['nonsense\n', '{"operation":"format disk"}\n', '{}\n', 'null\n', '']) {
    const socket = connect(file)
    socket.on('error', () => undefined)
    socket.end(text)
    socket.resume()
    await once(socket, 'close')
  }
  t.strictSame(await (await remote(stage)).select(), [], 'it still answers')
})

t.test('R47: a socket of a dead tuner is passed over', async (t) => {
  const stage = await openTunerStage(t)
  await mkdir(path.join(stage.home, 'tuner'), { recursive: true })
  await writeFile(path.join(stage.home, 'tuner', 'control.sock'), 'dead')
  const tuner = await openTuner({ home: stage.home, transport: () => stage.transport })
  t.ok(tuner instanceof Tuner, 'the command works by itself')
  await tuner.stop()
  await rm(path.join(stage.home, 'tuner', 'control.sock'), { force: true })
})

t.test('a home with a long path has its socket, too', async (t) => {
  const stage = await openTunerStage(t)
  const home = path.join(
    stage.root,
    ...Array.from({ length: 12 }, (_, at) => `folder-number-${at}`),
  )
  await mkdir(home, { recursive: true })
  const running = await stage.tuner({ home })
  await runTuner(t, running)
  await untilListening({ ...stage, home })
  t.strictSame(await (await remote({ ...stage, home })).select(), [])
})
