import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { isLongwaveError, LongwaveError, parseChannelAddress } from '../../protocol/index.ts'
import { createTransport } from '../../transport/index.ts'
import type { Tuner } from '../../tuner/index.ts'
import type { ChaosAnswer } from '../support/chaos-server.ts'
import {
  absent,
  type Asked,
  type HostileTransmitter,
  startHostileTransmitter,
} from '../support/hostile-transmitter.ts'
import { readTree, sameTree } from '../support/tree-state.ts'
import { openTunerStage, type TunerStage } from '../support/tuner-stage.ts'

const longText = Array.from({ length: 400 }, (_, at) => `line ${at} ${at * 7919}`).join('\n')
const one = { 'index.html': 'one', 'docs/long.txt': longText }
const two = { 'index.html': 'two', 'docs/long.txt': `${longText}\nand more`, 'new.txt': 'new' }

interface Siege {
  readonly stage: TunerStage
  readonly hostile: HostileTransmitter
  readonly tuner: Tuner
  /** Tries to update; what came of it, and whether the folder and the trust are as they were. */
  attack(): Promise<{ readonly error: unknown; readonly to: number; readonly isUntouched: boolean }>
  /** What the trust file holds. */
  trust(): Promise<string>
}

type Test = { teardown(work: () => unknown): void }

/** A tuner at release 1 behind a transmitter that will lie, with release 2 published. */
async function besiege(
  t: Test,
  options: { readonly hasBundles?: boolean; readonly stallMs?: number } = {},
): Promise<Siege> {
  const stage = await openTunerStage(t)
  const address = await stage.publish(one)
  const { hasBundles = false, stallMs = 300 } = options
  const hostile = await startHostileTransmitter(stage.channel, { hasBundles })
  t.teardown(() => hostile.stop())
  const transport = createTransport({
    userAgent: 'longwave-test',
    retry: { attemptsMax: 1 },
    timeouts: { stallMs },
  })
  t.teardown(() => transport.stop())
  const tuner = await stage.tuner({ transport })
  const link = `${hostile.channel}#${address.channelId}`
  await tuner.subscribe({ address: parseChannelAddress(link) })
  await stage.publish(two)
  const current = path.join(stage.home, 'tuner/channels/site/current/')
  const trust = () => readFile(path.join(stage.home, 'tuner/channels/site/trust.json'), 'utf8')
  const before = { tree: await readTree(current), trust: await trust() }
  return {
    stage,
    hostile,
    tuner,
    trust,
    async attack() {
      const [outcome] = await tuner.update(await tuner.select())
      const isSame = sameTree(await readTree(current), before.tree)
      return {
        error: outcome?.ok === false ? outcome.error : undefined,
        to: outcome?.ok === true ? outcome.result.to : 1,
        isUntouched: isSame,
      }
    },
  }
}

function cutAt(share: number) {
  return (honest: ChaosAnswer): ChaosAnswer => {
    const length = Buffer.byteLength(honest.body ?? '')
    return { ...honest, cutBodyAt: Math.floor(length * share) }
  }
}

t.test('R23: answers cut anywhere are not accepted', async (t) => {
  const { hostile, attack, tuner } = await besiege(t)
  const steps = 12
  for (const kinds of [['poll'], ['metadata'], ['object', 'bundle']] as Asked[][]) {
    for (let step = 0; step < steps; step++) {
      hostile.distort(kinds, cutAt(step / steps))
      const { error, isUntouched } = await attack()
      t.ok(isUntouched, `${kinds} cut at ${step}/${steps}: untouched`)
      if (!(error instanceof LongwaveError)) throw error ?? new Error('it was accepted')
      t.ok([13, 75].includes(error.exit), `${error.code} ends with ${error.exit}`)
    }
  }
  hostile.behave()
  t.equal((await attack()).to, 2, 'and then it updates')
  t.equal((await tuner.verify((await tuner.select())[0] as never)).damages.length, 0)
})

t.test('R24: flipped bits are not accepted, and the update completes by retry', async (t) => {
  const { hostile, attack, tuner } = await besiege(t, { hasBundles: true })
  let flips = 0
  // Every object arrives damaged twice before it arrives whole.
  const times = new Map<string, number>()
  hostile.distort(['object', 'bundle'], (honest, request) => {
    const count = (times.get(request.target) ?? 0) + 1
    times.set(request.target, count)
    if (count > 2 || honest.status !== 200) return undefined
    flips++
    return { ...honest, flipBit: count * 977 + flips * 31 }
  })
  const { error, to } = await attack()
  t.equal(error, undefined)
  t.equal(to, 2)
  t.ok(flips > 2)
  const [subscription] = await tuner.select()
  if (subscription === undefined) throw new Error('subscribed')
  t.equal((await tuner.verify(subscription)).damages.length, 0)
})

t.test('R24: a bit flipped in metadata is refused', async (t) => {
  const { hostile, attack, trust } = await besiege(t)
  const before = await trust()
  for (let round = 0; round < 40; round++) {
    const kinds: Asked[] = round % 2 === 0 ? ['poll'] : ['metadata']
    hostile.distort(kinds, (honest) =>
      honest.status === 200 ? { ...honest, flipBit: round * 173 + 9 } : undefined,
    )
    const { error, isUntouched } = await attack()
    if (!(error instanceof LongwaveError)) throw error ?? new Error('it was accepted')
    t.ok(isUntouched && [13, 75].includes(error.exit), `${error.code}`)
  }
  t.equal(await trust(), before, 'what is trusted is as it was')
})

t.test('S6: endless bodies end with an error, in bounded memory', async (t) => {
  const { hostile, attack } = await besiege(t)
  const before = process.memoryUsage().rss
  for (const kinds of [['poll'], ['metadata'], ['object', 'bundle', 'offer']] as Asked[][]) {
    hostile.distort(kinds, () => ({
      kind: 'answer',
      chunked: true,
      endless: true,
      body: Buffer.alloc(256 * 1024, 'x'),
    }))
    const { error, isUntouched } = await attack()
    t.ok(isUntouched, `${kinds}: untouched`)
    t.ok(
      isLongwaveError(error) && [13, 75].includes(error.exit),
      `${(error as LongwaveError).code}`,
    )
  }
  t.ok(process.memoryUsage().rss - before < 100 * 1024 * 1024, 'no memory was filled')
})

t.test("S9 S1: another channel's metadata is refused, whoever signed it", async (t) => {
  const { stage, hostile, attack } = await besiege(t)
  const other = await openTunerStage(t)
  await other.publish({ 'evil.txt': 'evil' })
  await other.publish({ 'evil.txt': 'evil two' })
  t.not(other.channel, stage.channel)
  const answers = new Map<string, ChaosAnswer>()
  const probe = createTransport({ userAgent: 'longwave-test' })
  t.teardown(() => probe.stop())
  for (const file of ['timestamp.json', '1.root.json', '2.snapshot.json', '2.targets.json']) {
    const url = `${other.channel}/trust/${file}`
    const answer = await probe.fetchBytes(url, { bytesMax: 1e6, acceptStatus: [404] })
    if (answer.status !== 200) continue
    answers.set(`/site/trust/${file}`, { kind: 'answer', body: answer.bytes })
  }
  hostile.replay(answers)
  const { error, isUntouched } = await attack()
  t.ok(isUntouched)
  t.ok(isLongwaveError(error), 'refused')
  t.equal((error as LongwaveError).exit, 13, (error as LongwaveError).code)
})

t.test('S2: metadata of an earlier release is refused as a rollback', async (t) => {
  const { hostile, tuner, stage, attack } = await besiege(t)
  t.equal((await attack()).to, 2)
  const old = new Map(hostile.seen)
  await stage.publish({ ...two, 'index.html': 'three' })
  t.equal((await attack()).to, 3)
  hostile.replay(old)
  const [outcome] = await tuner.update(await tuner.select())
  const error = outcome?.ok === false ? outcome.error : undefined
  t.ok(isLongwaveError(error, 'LW_TRUST_ROLLBACK'), String(error))
  t.equal(await stage.read('index.html'), 'three')
})

t.test('C5: a server that takes requests and says nothing is given up', async (t) => {
  const { hostile, attack } = await besiege(t, { stallMs: 120 })
  for (const kinds of [['poll'], ['object', 'bundle', 'offer']] as Asked[][]) {
    hostile.distort(kinds, () => ({ kind: 'silent' }))
    const { error, isUntouched } = await attack()
    t.ok(isUntouched, `${kinds}: untouched`)
    t.ok(isLongwaveError(error) && error.exit === 75, `${(error as LongwaveError).code}`)
  }
  hostile.distort(['object', 'bundle'], (honest) => ({ ...honest, stallBodyAt: 3 }))
  const { error } = await attack()
  t.ok(isLongwaveError(error, 'LW_TRANSFER_STALLED'), 'a body that stops is given up, too')
})

t.test('C5: wrong objects and absent ones are refused, and nothing is left behind', async (t) => {
  const { hostile, attack, stage } = await besiege(t)
  hostile.distort(['object', 'bundle', 'offer'], () => ({ kind: 'answer', body: 'something else' }))
  const wrong = await attack()
  t.ok(wrong.isUntouched && isLongwaveError(wrong.error))
  t.equal((wrong.error as LongwaveError).exit, 13, (wrong.error as LongwaveError).code)
  hostile.distort(['object', 'bundle', 'offer'], () => absent)
  const gone = await attack()
  t.ok(isLongwaveError(gone.error, 'LW_MIRROR_OBJECT_GONE'))
  hostile.behave()
  t.equal((await attack()).to, 2)
  const staging = path.join(stage.home, 'tuner/channels/site/staging')
  t.strictSame(await readdir(staging), [])
})
