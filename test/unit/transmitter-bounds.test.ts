import { randomBytes } from 'node:crypto'
import t from 'tap'
import { type ChannelName, digestOf } from '../../protocol/index.ts'
import type { AppendOutcome, FeedbackBatch } from '../../store/server-records/index.ts'
import { Differences, type FilePair } from '../../transmitter/drp/differences.ts'
import { FeedbackLog, feedbackLimits, FeedbackRoom } from '../../transmitter/feedback/index.ts'
import { RateWindow } from '../../transmitter/feedback/rate-window.ts'
import { transmitterLimits as limits } from '../../transmitter/index.ts'
import { AnswerMemory } from '../../transmitter/updates/answer-memory.ts'
import { updateRequestLimits } from '../../transmitter/updates/limits.ts'

const name = 'site' as ChannelName

function tickingClock() {
  const clock = { at: 0, now: () => clock.at }
  return clock
}

function roomOf(clock: { now(): number }, disk = { freeBytes: Infinity }) {
  return new FeedbackRoom({
    clock,
    channelBytesMax: 1000,
    freeBytes: async () => disk.freeBytes,
    freeBytesMin: limits.freeBytesMin,
  })
}

function batchOf(sequence: number, bytes = 1, tuner = digestOf('one')): FeedbackBatch {
  const data = Buffer.alloc(bytes)
  const entry = { sequence, nonce: '0'.repeat(16), appendedAtMs: 0, type: 'text/plain', data }
  const epoch = 'a'.repeat(32)
  return { channel: name, tuner, epoch, entries: [entry], isForPlugin: false, atMs: 0 }
}

t.test('S68: what each key takes in a window is bounded, and comes back', async (t) => {
  const clock = tickingClock()
  const window = new RateWindow({ clock, windowMs: 1000, amountMax: 10, keysMax: 2 })
  t.ok(window.take('a', 11), 'the first goes, or one large amount would never')
  t.notOk(window.take('a', 1))
  t.ok(window.take('b', 4))
  t.ok(window.take('b', 6))
  t.notOk(window.take('b', 1))
  t.ok(window.take('c', 1), 'for it the oldest key is forgotten')
  t.notOk(window.take('b', 1))
  clock.at += 400
  t.equal(window.restSeconds, 1)
  clock.at += 600
  t.ok(window.take('b', 1))
  clock.at -= 5000
  t.ok(window.take('b', 10), 'a clock that was set back ends the window, too')
})

t.test(
  'S68: new streams, one tuner’s bytes and the disk bound what feedback is taken',
  async (t) => {
    const clock = tickingClock()
    const disk = { freeBytes: limits.freeBytesMin }
    const room = roomOf(clock, disk)
    for (let count = 0; count < feedbackLimits.newStreamsMax; count++) {
      await room.admit(batchOf(1, 1, digestOf(String(count))))
    }
    await t.rejects(room.admit(batchOf(1)), { code: 'LW_UPDATE_BUSY', retryAfterSeconds: 121 })
    await room.admit(batchOf(2))
    clock.at += feedbackLimits.newStreamWindowMs
    await room.admit(batchOf(1))
    await room.admit(batchOf(3, feedbackLimits.tunerBytesMax / 2))
    await t.rejects(room.admit(batchOf(4, feedbackLimits.tunerBytesMax / 2)), {
      code: 'LW_FEEDBACK_FULL',
    })
    await room.admit(batchOf(4, 1, digestOf('two')))
    disk.freeBytes -= 1
    clock.at += feedbackLimits.freeBytesMemoryMs
    await t.rejects(room.admit(batchOf(5, 1, digestOf('two'))), { code: 'LW_FEEDBACK_FULL' })
    t.equal(room.refused(name), 3)
  },
)

t.test('S68: a log without room refuses, is told of, and takes again', async (t) => {
  const outcomes: AppendOutcome[] = [
    { outcome: 'full', sequence: 4 },
    { outcome: 'stored', sequence: 5 },
  ]
  const room = roomOf(tickingClock())
  const feedback = {
    append: async () => outcomes.splice(0, 1),
    setDelivered: async () => undefined,
  }
  const log = new FeedbackLog({ feedback } as never, room)
  await t.rejects(log.append(batchOf(5)), { code: 'LW_FEEDBACK_FULL' })
  t.equal(room.fullChannels, 1)
  t.same(await log.append(batchOf(5)), { outcome: 'stored', sequence: 5 })
  t.equal(room.fullChannels, 0)
  t.equal(room.refused(name), 1)
})

t.test('S68: a request that hangs keeps no answers of others beyond their limit', async (t) => {
  const clock = tickingClock()
  const memory = new AnswerMemory<{ readonly bytes: number }>(clock)
  const digest = digestOf('body')
  const hanging = memory.answer('hangs', { digest, make: () => new Promise(() => undefined) })
  const bytes = updateRequestLimits.answerBytesKept / 4
  let made = 0
  const ask = (key: string) =>
    memory.answer(key, { digest, make: async () => ({ bytes, number: ++made }) })
  for (let count = 0; count < 8; count++) await ask(`${count}`)
  t.equal(made, 8)
  await ask('7')
  t.equal(made, 8, 'the newest answer is kept')
  await ask('0')
  t.equal(made, 9, 'the oldest was dropped although an older request is not answered yet')
  const again = memory.answer('hangs', { digest, make: async () => ({ bytes: 0 }) })
  t.equal(again, hanging, 'that one is still asked once')
  clock.at += updateRequestLimits.answerRestMs
  await ask('7')
  t.equal(made, 10, 'what has rested long enough goes')
})

function pairOf(from: Uint8Array, to: Uint8Array): FilePair<'gdiff'> {
  const versionOf = (bytes: Uint8Array) => ({
    sha256: digestOf(bytes),
    size: bytes.byteLength,
    mime: 'x/y',
  })
  return { channel: name, format: 'gdiff', from: versionOf(from), to: versionOf(to) }
}

/** Shared, as a worker gets it. */
function shared(bytes: Uint8Array): Uint8Array {
  const into = new Uint8Array(new SharedArrayBuffer(bytes.byteLength))
  into.set(bytes)
  return into
}

t.test('S68: a difference too long to be kept is made once, and drops no other', async (t) => {
  const clock = tickingClock()
  const differences = new Differences(clock)
  t.teardown(() => differences.stop())
  let loads = 0
  const make = async (from: Uint8Array, to: Uint8Array) => {
    const pair = pairOf(from, to)
    await differences.make(pair, async ({ sha256 }) => {
      loads++
      return shared(sha256 === pair.from.sha256 ? from : to)
    })
    return differences.offer(pair)
  }
  const text = Buffer.from('some lines of text\n'.repeat(100))
  const small = [text, Buffer.concat([text, Buffer.from('more')])] as const
  t.match(await make(...small), { state: 'ready' })
  const before = randomBytes(1024 * 1024)
  const long = [
    before,
    Buffer.concat([before, randomBytes(limits.differenceKeptBytesMax)]),
  ] as const
  t.equal(await make(...long), undefined, 'useless, although it is shorter than the file')
  t.equal(await make(...long), undefined)
  t.equal(loads, 4, 'nothing was read again for it')
  t.match(differences.offer(pairOf(...small)), { state: 'ready' })
})

t.test('S68: differences stop when the channel’s making time is spent', async (t) => {
  const clock = tickingClock()
  const differences = new Differences(clock)
  t.teardown(() => differences.stop())
  differences.budget.spend(name, limits.differenceBudgetMs)
  const pair = pairOf(Buffer.from('one'), Buffer.from('two'))
  t.equal(differences.offer(pair), undefined)
  let loads = 0
  await differences.make(pair, async () => {
    loads++
    return new Uint8Array()
  })
  t.equal(loads, 0)
  t.match(differences.offer({ ...pair, channel: 'other' as ChannelName }), { state: 'makeable' })
  clock.at += limits.makingWindowMs
  t.match(differences.offer(pair), { state: 'makeable' })
})
