import { chmod, lstat, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import {
  backChannelFixture,
  channelName,
  theSubscription,
  updateOnce,
} from '../support/backchannel.ts'
import { greetingPlugin } from '../support/backchannel-plugins.ts'

const files = { 'index.html': 'home', 'greeting.txt': 'hello all', 'docs/guide.txt': 'a guide' }

t.test('C53: two tuners get different signed files over one release', async (t) => {
  const fixture = await backChannelFixture(t)
  await fixture.allow()
  await fixture.publish(files, {
    plugin: greetingPlugin,
    attributes: { pluginPaths: ['greeting.txt', 'extra/'] },
  })
  const homes = ['ann', 'bob']
  const texts: string[] = []
  for (const name of homes) {
    const tuner = await fixture.subscriber(name)
    const channel = path.join(fixture.root, name, 'tuner', 'channels', channelName)
    const subscription = await theSubscription(tuner)
    const { tunerId } = await tuner.context.feedback.identity(subscription.id)
    const greeting = await readFile(path.join(channel, 'current', 'greeting.txt'), 'utf8')
    t.equal(greeting, `hello ${tunerId} of release 1`)
    texts.push(greeting)
    t.equal(await readFile(path.join(channel, 'current', 'extra', 'n.txt'), 'utf8'), '0')
    const original = path.join(channel, 'generations', '1', 'tree')
    t.equal(await readFile(path.join(original, 'greeting.txt'), 'utf8'), 'hello all')
    const [shared, shown] = await Promise.all(
      [original, path.join(channel, 'current')].map((tree) => lstat(path.join(tree, 'index.html'))),
    )
    t.equal(shared?.ino, shown?.ino, 'what is unchanged costs no disk')
    t.same((await tuner.verify(subscription)).damages, [])
  }
  t.not(texts[0], texts[1])
})

t.test('C53 R: overlays follow releases, feedback, undo and withdrawal', async (t) => {
  const fixture = await backChannelFixture(t)
  await fixture.allow()
  const options = {
    plugin: greetingPlugin,
    attributes: { pluginPaths: ['greeting.txt', 'extra/'] },
  }
  await fixture.publish(files, options)
  const tuner = await fixture.subscriber('tuner')
  const subscription = await theSubscription(tuner)
  const channel = path.join(fixture.root, 'tuner', 'tuner', 'channels', channelName)
  const shown = (name: string): Promise<string> =>
    readFile(path.join(channel, 'current', name), 'utf8')
  await tuner.appendFeedback(subscription, { data: Buffer.from('one'), type: 'text/plain' })
  t.same((await updateOnce(tuner)).warnings, [])
  t.equal(await shown('extra/n.txt'), '1', 'the overlay changes while the release does not')
  t.equal((await readdir(path.join(channel, 'overlays', 'generations'))).length, 1)
  await fixture.publish({ 'index.html': 'home two' })
  t.equal((await updateOnce(tuner)).outcome, 'updated')
  t.match(await shown('greeting.txt'), /of release 2$/)
  t.equal(await shown('index.html'), 'home two')
  await tuner.undo(await theSubscription(tuner))
  t.match(await shown('greeting.txt'), /of release 1$/)
  t.equal(await shown('index.html'), 'home')
  t.equal((await updateOnce(tuner)).outcome, 'updated')
  t.match(await shown('greeting.txt'), /of release 2$/)
  await fixture.publish({}, { plugin: null })
  await updateOnce(tuner)
  t.equal(await shown('greeting.txt'), 'hello all')
  t.same((await tuner.verify(subscription)).damages, [])
})

t.test('C83 C84: damage under an overlay is found and mended', async (t) => {
  const fixture = await backChannelFixture(t)
  await fixture.allow()
  await fixture.publish(files, {
    plugin: greetingPlugin,
    attributes: { pluginPaths: ['greeting.txt', 'extra/'] },
  })
  const tuner = await fixture.subscriber('tuner')
  const subscription = await theSubscription(tuner)
  const current = path.join(fixture.root, 'tuner', 'tuner', 'channels', channelName, 'current')
  for (const name of ['greeting.txt', 'index.html']) {
    const before = await readFile(path.join(current, name), 'utf8')
    await chmod(path.join(current, name), 0o644)
    await writeFile(path.join(current, name), 'DAMAGED')
    const found = await tuner.verify(subscription)
    t.same(
      found.damages.map((damage) => damage.path),
      [name],
    )
    await tuner.verify(subscription, { heal: true })
    await updateOnce(tuner)
    t.equal(await readFile(path.join(current, name), 'utf8'), before)
    t.same((await tuner.verify(subscription)).damages, [])
  }
})

t.test('S68: files where the release opens nothing to a plug-in reach nobody', async (t) => {
  const fixture = await backChannelFixture(t)
  await fixture.allow()
  await fixture.publish(files, {
    plugin: greetingPlugin,
    attributes: { pluginPaths: ['greeting.txt'] },
  })
  const tuner = await fixture.subscriber('tuner')
  const current = path.join(fixture.root, 'tuner', 'tuner', 'channels', channelName, 'current')
  t.equal(await readFile(path.join(current, 'greeting.txt'), 'utf8'), 'hello all')
  t.equal((await updateOnce(tuner)).outcome, 'unchanged')
})
