import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { openDeviceRecords } from '../../store/device-records/index.ts'
import { nodeRandomness } from '../../store/durable-files/index.ts'
import { FeedbackQueue } from '../../tuner/feedback/index.ts'

const base = await mkdtemp(path.join(os.tmpdir(), 'lw-queue-'))
t.teardown(() => rm(base, { recursive: true, force: true }))
let count = 0

async function open(directory = path.join(base, `${++count}`)) {
  const records = await openDeviceRecords({ directory })
  const clock = { now: () => 1_700_000_000_000 }
  return {
    records,
    directory,
    queue: new FeedbackQueue({ records, clock, randomness: nodeRandomness }),
  }
}

const bytes = (text: string) => ({ data: Buffer.from(text), type: 'text/plain' })

t.test(
  'C49: entries stay in order over restarts and go only when they are acknowledged',
  async (t) => {
    const first = await open()
    await Promise.all(['a', 'b', 'c'].map((text) => first.queue.append('app', bytes(text))))
    await first.queue.append('other', bytes('x'))
    const { tunerId } = await first.queue.identity('app')
    await first.records.close()
    const { queue, records } = await open(first.directory)
    t.teardown(() => records.close())
    t.equal((await queue.identity('app')).tunerId, tunerId)
    t.not((await queue.identity('other')).tunerId, tunerId, 'channels cannot compare notes')
    const pending = await queue.pending('app')
    const textsOf = (entries: readonly { readonly data: string }[] = []) =>
      entries.map(({ data }) => Buffer.from(data, 'base64').toString())
    t.same(textsOf(pending?.entries), ['a', 'b', 'c'])
    t.same(
      pending?.entries.map(({ sequence }) => sequence),
      [1, 2, 3],
    )
    await queue.acknowledge('app', { epoch: 'f'.repeat(32), sequence: 3 })
    t.equal((await queue.counts('app')).entries, 3, 'another epoch acknowledges nothing')
    await queue.acknowledge('app', { epoch: pending?.epoch ?? '', sequence: 2 })
    t.same(textsOf((await queue.pending('app'))?.entries), ['c'])
    await queue.append('app', bytes('d'))
    await queue.renew('app', { epoch: pending?.epoch ?? '', sequence: 3, isNewTuner: true })
    const renewed = await queue.pending('app')
    t.same(textsOf(renewed?.entries), ['d'])
    t.equal(renewed?.entries[0]?.sequence, 1)
    t.not(renewed?.epoch, pending?.epoch)
    t.not((await queue.identity('app')).tunerId, tunerId)
    t.equal(await queue.forget('app'), 1, 'what was never delivered is told')
    t.equal(await queue.pending('app'), undefined)
  },
)

t.test('C49: the queue is bounded, and says so instead of dropping anything', async (t) => {
  const { queue, records } = await open()
  t.teardown(() => records.close())
  await t.rejects(queue.append('app', { data: Buffer.alloc(64 * 1024 + 1), type: 'a/b' }), {
    code: 'LW_FEEDBACK_TOO_LARGE',
  })
  await t.rejects(queue.append('app', { data: Buffer.alloc(1), type: 'a\0b' }), {
    code: 'LW_FEEDBACK_TOO_LARGE',
  })
  const many = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, at) => ({
      name: `${from + at}`,
      feedback: bytes(String(from + at)),
    }))
  await queue.absorb('app', many(0, 5000))
  await queue.absorb('app', many(4000, 9999))
  await queue.append('app', bytes('9999'))
  t.equal((await queue.counts('app')).entries, 10_000, 'what was absorbed before is not doubled')
  await t.rejects(queue.append('app', bytes('more')), { code: 'LW_FEEDBACK_FULL' })
  await t.rejects(queue.absorb('app', many(20_000, 20_001)), { code: 'LW_FEEDBACK_FULL' })
  t.equal((await queue.counts('app')).entries, 10_000)
  let last = 0
  for (;;) {
    const pending = await queue.pending('app')
    if (pending === undefined) break
    for (const { sequence } of pending.entries) {
      if (sequence !== last + 1) t.fail(`${sequence} comes after ${last}`)
      last = sequence
    }
    await queue.acknowledge('app', { epoch: pending.epoch, sequence: last })
  }
  t.equal(last, 10_000)
})
