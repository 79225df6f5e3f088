import t from 'tap'
import { backChannelFixture, theSubscription, updateOnce } from '../support/backchannel.ts'

t.test('C49 C50: feedback waits in order and travels with the next update', async (t) => {
  const fixture = await backChannelFixture(t)
  await fixture.publish({ 'index.html': 'one' })
  const tuner = await fixture.subscriber('tuner')
  const subscription = await theSubscription(tuner)
  for (const text of ['first', 'second', 'third']) {
    await tuner.appendFeedback(subscription, { data: Buffer.from(text), type: 'text/plain' })
  }
  t.same(await fixture.exported(), [])
  const result = await updateOnce(tuner)
  t.same(result.warnings, [])
  const log = await fixture.exported()
  t.same(
    log.map((entry) => entry.text),
    ['first', 'second', 'third'],
  )
  t.same(
    log.map((entry) => entry.position),
    [1, 2, 3],
  )
  await updateOnce(tuner)
  t.equal((await fixture.exported()).length, 3)
})
