import { cp, mkdtemp, readFile, rm, writeFile, mkdir } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { parseChannelAddress } from '../../protocol/index.ts'
import { createPublisher } from '../../publisher/index.ts'
import { createLogger } from '../../serving/index.ts'
import { createTransmitter } from '../../transmitter/index.ts'
import { createTransport } from '../../transport/index.ts'
import { Tuner } from '../../tuner/index.ts'

t.test('C1 C21 C73: publish, subscribe, update, undo through real services', async (t) => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'lw-spine-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const home = path.join(root, 'home')
  const base = path.join(root, 'base')
  await mkdir(path.join(base, 'docs'), { recursive: true })
  await writeFile(path.join(base, 'index.html'), '<h1>one</h1>')
  await writeFile(path.join(base, 'docs', 'guide.txt'), 'a guide\n'.repeat(500))
  const logger = createLogger({ name: 'test', level: 'silent' })
  const transmitter = createTransmitter({
    directory: path.join(home, 'transmitter'),
    listen: { host: '127.0.0.1', port: 0 },
    logger,
  })
  const url = await transmitter.start()
  t.teardown(() => transmitter.stop())
  const transport = createTransport({ userAgent: 'longwave-test' })
  t.teardown(() => transport.stop())
  const publisher = createPublisher({ home, transport })
  const first = await publisher.publish({ directory: base, channel: `${url}/site` })
  t.equal(first.release, 1)

  const tuner = new Tuner({ home: path.join(root, 'tuner-home'), transport })
  await tuner.start()
  t.teardown(() => tuner.stop())
  const subscribed = await tuner.subscribe({ address: parseChannelAddress(first.link ?? '') })
  t.equal(subscribed.to, 1)
  const current = path.join(root, 'tuner-home', 'tuner', 'channels', 'site', 'current')
  t.equal(await readFile(path.join(current, 'index.html'), 'utf8'), '<h1>one</h1>')

  await writeFile(path.join(base, 'index.html'), '<h1>two</h1>')
  await cp(path.join(base, 'docs', 'guide.txt'), path.join(base, 'docs', 'copy.txt'))
  const second = await publisher.publish({ directory: base, channel: `${url}/site` })
  t.equal(second.release, 2)
  const [outcome] = await tuner.update(await tuner.select())
  if (outcome?.ok !== true) throw outcome?.error
  t.equal(outcome.result.outcome, 'updated')
  t.equal(await readFile(path.join(current, 'index.html'), 'utf8'), '<h1>two</h1>')
  const [subscription] = await tuner.select('site')
  if (subscription === undefined) throw new Error('lost')
  t.equal((await tuner.verify(subscription)).damages.length, 0)
  const undone = await tuner.undo(subscription)
  t.equal(undone.to, 1)
  t.equal(await readFile(path.join(current, 'index.html'), 'utf8'), '<h1>one</h1>')
  t.match(await tuner.why((await tuner.select('site'))[0] ?? subscription), /undo holds it/)

  const folder = path.join(root, 'folder')
  const into = await tuner.subscribe({
    address: parseChannelAddress(first.link ?? ''),
    into: { directory: folder, adopt: false, protect: [] },
  })
  t.equal(into.to, 2)
  t.equal(await readFile(path.join(folder, 'index.html'), 'utf8'), '<h1>two</h1>')
})
