import { readFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import {
  backChannelFixture,
  channelName,
  theSubscription,
  updateOnce,
} from '../support/backchannel.ts'
import { countingPlugin } from '../support/backchannel-plugins.ts'

t.test('C48 C51 C52: a plug-in gets each entry, and its reply comes with the update', async (t) => {
  const fixture = await backChannelFixture(t)
  await fixture.allow()
  await fixture.publish({ 'index.html': 'one' }, { plugin: countingPlugin })
  const tuner = await fixture.subscriber('tuner')
  const subscription = await theSubscription(tuner)
  const reply = path.join(fixture.root, 'tuner', 'tuner', 'channels', channelName, 'data', 'reply')
  t.equal(JSON.parse(await readFile(reply, 'utf8')).seen, 0)
  for (const text of ['a', 'b']) {
    await tuner.appendFeedback(subscription, { data: Buffer.from(text), type: 'text/plain' })
  }
  const result = await updateOnce(tuner)
  t.same(result.warnings, [])
  t.equal(JSON.parse(await readFile(reply, 'utf8')).seen, 2)
  await updateOnce(tuner)
  t.same(
    fixture.pluginRows('select text, times from seen order by text').map((row) => ({ ...row })),
    [
      { text: 'a', times: 1 },
      { text: 'b', times: 1 },
    ],
  )
  t.equal((await fixture.pluginStatus()).feedback.undelivered, 0)
})
