import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import Libsql from 'libsql'
import t from 'tap'
import type { Tuner } from '../../tuner/index.ts'
import {
  backChannelFixture,
  channelName,
  theSubscription,
  updateOnce,
} from '../support/backchannel.ts'

/** The text of an example, wherever the tests were built to. */
async function example(name: string): Promise<string> {
  let folder = path.dirname(fileURLToPath(import.meta.url))
  while (!existsSync(path.join(folder, 'examples', 'plugins'))) folder = path.dirname(folder)
  return readFile(path.join(folder, 'examples', 'plugins', name), 'utf8')
}

async function tell(tuner: Tuner, text: string, type = 'text/plain'): Promise<void> {
  await tuner.appendFeedback(await theSubscription(tuner), { data: Buffer.from(text), type })
  const result = await updateOnce(tuner)
  if (result.warnings.length > 0) throw new Error(result.warnings.join())
}

t.test('C52 example: a database query is answered with the update', async (t) => {
  const fixture = await backChannelFixture(t)
  await fixture.publish({ 'index.html': 'shop' })
  const database = path.join(fixture.root, 'prices.db')
  const prices = new Libsql(database)
  prices.exec('CREATE TABLE prices (article TEXT PRIMARY KEY, cents INTEGER)')
  prices.exec("INSERT INTO prices VALUES ('A-100', 1999), ('B-7', 50)")
  await fixture.allow({ settings: { database } })
  await fixture.publish({}, { plugin: await example('prices.mjs') })
  const tuner = await fixture.subscriber('tuner')
  const file = path.join(fixture.root, 'tuner', 'tuner', 'channels', channelName, 'data', 'reply')
  const reply = async (): Promise<unknown> => JSON.parse(await readFile(file, 'utf8')).prices
  t.same(await reply(), [])
  await tell(tuner, '{"articles":["A-100","Z-9"]}', 'application/json')
  t.same(await reply(), [
    { article: 'A-100', cents: 1999 },
    { article: 'Z-9', cents: null },
  ])
  prices.exec("UPDATE prices SET cents = 1499 WHERE article = 'A-100'")
  prices.close()
  await updateOnce(tuner)
  t.match(await reply(), [{ article: 'A-100', cents: 1499 }])
})

t.test('C53 example: each learner gets the next lesson', async (t) => {
  const fixture = await backChannelFixture(t)
  await fixture.allow()
  await fixture.publish(
    { 'index.html': 'school' },
    { plugin: await example('lessons.mjs'), attributes: { pluginPaths: ['lesson/'] } },
  )
  const lesson = async (name: string): Promise<string> => {
    const current = path.join(fixture.root, name, 'tuner', 'channels', channelName, 'current')
    return readFile(path.join(current, 'lesson', 'today.txt'), 'utf8')
  }
  const [ada, bob] = [await fixture.subscriber('ada'), await fixture.subscriber('bob')]
  t.match(await lesson('ada'), /^Lesson 1/)
  await tell(ada, 'done 1')
  await tell(ada, 'done 1')
  t.match(await lesson('ada'), /^Lesson 2/)
  await tell(bob, 'done 3')
  t.match(await lesson('bob'), /^Lesson 1/, 'lessons are not skipped')
  await tell(ada, 'done 2')
  await tell(ada, 'done 3')
  t.match(await lesson('ada'), /^That was the last lesson/)
})

t.test('C53 example: a special greeting', async (t) => {
  const fixture = await backChannelFixture(t)
  await fixture.allow({ settings: { holiday: '1999-12-24', wish: 'Merry Christmas' } })
  await fixture.publish(
    { 'greeting.html': '<h1>Hello</h1>' },
    { plugin: await example('greeting.mjs'), attributes: { pluginPaths: ['greeting.html'] } },
  )
  const tuner = await fixture.subscriber('tuner')
  const current = path.join(fixture.root, 'tuner', 'tuner', 'channels', channelName, 'current')
  const greeting = (): Promise<string> => readFile(path.join(current, 'greeting.html'), 'utf8')
  t.equal(await greeting(), '<h1>Hello</h1>')
  await tell(tuner, 'name <Ada>')
  t.equal(await greeting(), '<h1>Welcome, &#60;Ada&#62;!</h1>\n')
  const today = new Date().toISOString().slice(0, 10)
  await fixture.allow({ settings: { holiday: today, wish: 'Merry Christmas' } })
  await updateOnce(tuner)
  t.match(await greeting(), /^<h1>(Merry Christmas|Welcome), &#60;Ada&#62;!/)
})
