import t from 'tap'
import { LargeRequests } from '../../transmitter/updates/large-requests.ts'
import { updateRequestLimits as limits } from '../../transmitter/updates/limits.ts'

const large = limits.largeBytesMin

t.test('S68: large requests of a channel take turns; all others pass by', async (t) => {
  const requests = new LargeRequests()
  const done: string[] = []
  const work = (name: string) => async () => {
    done.push(name)
    return name
  }
  let finish = (): void => undefined
  const held = new Promise<void>((resolve) => {
    finish = resolve
  })
  const first = requests.run('news', large, async () => {
    await held
    done.push('first')
  })
  void requests.run('news', large, work('second'))
  t.equal(await requests.run('news', large - 1, work('small')), 'small')
  t.equal(await requests.run('weather', large, work('other channel')), 'other channel')
  t.same(done, ['small', 'other channel'])
  finish()
  await first
  t.same(done, ['small', 'other channel', 'first'], 'the second one rests first')
})

t.test('S68: what waits is bounded, in number and in bytes', async (t) => {
  const requests = new LargeRequests()
  const never = () => new Promise<void>(() => undefined)
  for (let at = 0; at < limits.largeWaitingMax; at++) void requests.run('news', large, never)
  await t.rejects(requests.run('news', large, never), { code: 'LW_UPDATE_BUSY' })
  t.equal(await requests.run('weather', large, async () => 'taken'), 'taken')
  const release = requests.admit(limits.bodyBytesMax)
  t.throws(() => requests.admit(1), { code: 'LW_UPDATE_BUSY' })
  release()
  release()
  t.throws(() => requests.admit(limits.bodyBytesMax + 1), { code: 'LW_UPDATE_BUSY' })
  t.type(requests.admit(limits.bodyBytesMax), 'function', 'it is counted back once')
})
