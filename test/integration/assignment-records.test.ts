import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { type ChannelName, digestOf } from '../../protocol/index.ts'
import { openServerRecords, type ServerRecords } from '../../store/server-records/index.ts'
import { chooseRepeater } from '../../transmitter/repeaters/index.ts'
import { commitOf } from '../contract/server-records.ts'

const channel = 'news' as ChannelName
const urls = ['http://a.test', 'http://b.test', 'http://c.test']

async function open(t: Test): Promise<ServerRecords> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'lw-assignment-'))
  const records = await openServerRecords({ url: `sqlite:${path.join(directory, 'records.db')}` })
  t.teardown(async () => {
    await records.close()
    await rm(directory, { recursive: true, force: true })
  })
  await records.releases.commit(commitOf(channel, 1, ['one']))
  return records
}

function assign(records: ServerRecords, tuner: number, failed?: string, tunersMax = 1000) {
  return records.repeaters.assign({
    channel,
    tuner: digestOf(`tuner ${tuner}`),
    atMs: 1,
    tunersMax,
    choose: ({ before, loads }) =>
      chooseRepeater({
        policy: 'round-robin',
        members: urls.map((url) => ({
          url,
          zoneMinutes: undefined,
          load: loads.get(url) ?? 0,
          isUsable: true,
        })),
        zoneMinutes: undefined,
        before,
        failed,
      }),
  })
}

t.test('C64: tuners that ask at the same time are spread within one of even', async (t) => {
  const records = await open(t)
  const chosen = await Promise.all(Array.from({ length: 100 }, (_, at) => assign(records, at)))
  const loads = await records.repeaters.loads(channel)
  t.strictSame([...loads.values()].sort(), [33, 33, 34])
  t.equal(await assign(records, 7), chosen[7], 'asked again, a tuner keeps its own')
  const sum = [...(await records.repeaters.loads(channel)).values()].reduce((a, b) => a + b, 0)
  t.equal(sum, 100, 'and is not counted twice')
})

t.test('C67: a substitute moves the load along', async (t) => {
  const records = await open(t)
  const first = await assign(records, 1)
  const second = await assign(records, 1, first ?? '')
  t.not(second, first)
  const loads = await records.repeaters.loads(channel)
  t.equal(loads.get(first ?? ''), 0)
  t.equal(loads.get(second ?? ''), 1)
  t.equal(await records.repeaters.assignment(channel, digestOf('tuner 1')), second)
})

t.test('S68: made-up tuners fill no disk: beyond a limit nothing is noted', async (t) => {
  const records = await open(t)
  for (let tuner = 0; tuner < 10; tuner++) await assign(records, tuner, undefined, 3)
  const sum = [...(await records.repeaters.loads(channel)).values()].reduce((a, b) => a + b, 0)
  t.equal(sum, 3)
  t.equal(await records.repeaters.assignment(channel, digestOf('tuner 9')), undefined)
})
