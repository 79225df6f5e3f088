import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { parseChannelAddress } from '../../protocol/index.ts'
import { createProxy } from '../../proxy/index.ts'
import { createPublisher } from '../../publisher/index.ts'
import { createLogger } from '../../serving/index.ts'
import { createTransmitter } from '../../transmitter/index.ts'
import { createTransport } from '../../transport/index.ts'
import { Tuner } from '../../tuner/index.ts'

const logger = createLogger({ name: 'test', level: 'silent' })
const listen = { host: '127.0.0.1', port: 0 }

t.test('C85 C86 C88 C91: tuners behind a proxy; the second one moves no content', async (t) => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'lw-proxy-spine-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const base = path.join(root, 'base')
  await mkdir(path.join(base, 'docs'), { recursive: true })
  await writeFile(path.join(base, 'index.html'), '<h1>one</h1>')
  await writeFile(path.join(base, 'docs', 'guide.txt'), 'a guide\n'.repeat(500))
  await writeFile(path.join(base, 'data.bin'), randomBytes(1_500_000))
  const home = path.join(root, 'home')
  const transmitter = createTransmitter({
    directory: path.join(home, 'transmitter'),
    listen,
    logger,
  })
  const origin = await transmitter.start()
  t.teardown(() => transmitter.stop())
  let offsetMs = 0
  const proxy = createProxy({
    directory: path.join(root, 'proxy'),
    listen,
    origins: [origin],
    logger,
    clock: { now: () => Date.now() + offsetMs },
  })
  const url = await proxy.start()
  t.teardown(() => proxy.stop())
  const transport = createTransport({ userAgent: 'longwave-test' })
  t.teardown(() => transport.stop())
  const publisher = createPublisher({ home, transport })
  const first = await publisher.publish({ directory: base, channel: `${origin}/site` })
  const measures = async () =>
    (await (await fetch(`${url}/-/status`)).json()) as {
      readonly upstreamConnections: number
      readonly measures: Readonly<Record<string, number>>
    }

  const tuners: Tuner[] = []
  for (const name of ['a', 'b']) {
    const tuner = new Tuner({ home: path.join(root, name), transport })
    await tuner.start()
    t.teardown(() => tuner.stop())
    tuners.push(tuner)
    const before = await measures()
    const result = await tuner.subscribe({
      address: parseChannelAddress(first.link ?? ''),
      proxy: url,
    })
    t.equal(result.to, 1)
    const after = await measures()
    const crossed =
      Number(after.measures['contentBytesUpstream']) -
      Number(before.measures['contentBytesUpstream'])
    if (name === 'a') t.ok(crossed > 1_500_000, 'the first one fetches')
    else t.equal(crossed, 0, 'the second one gets everything from the cache')
    t.ok(after.upstreamConnections <= 4)
  }

  await writeFile(path.join(base, 'index.html'), '<h1>two</h1>')
  await cp(path.join(base, 'data.bin'), path.join(base, 'copy.bin'))
  await publisher.publish({ directory: base, channel: `${origin}/site` })
  // The proxy may repeat the poll's answer for as long as the origin allows.
  offsetMs = 5001
  for (const [at, tuner] of tuners.entries()) {
    const [outcome] = await tuner.update(await tuner.select())
    if (outcome?.ok !== true) throw outcome?.error
    t.equal(outcome.result.outcome, 'updated')
    const home = path.join(root, at === 0 ? 'a' : 'b')
    const current = path.join(home, 'tuner', 'channels', 'site', 'current')
    t.equal(await readFile(path.join(current, 'index.html'), 'utf8'), '<h1>two</h1>')
    t.same(
      await readFile(path.join(current, 'copy.bin')),
      await readFile(path.join(base, 'data.bin')),
    )
  }
  t.equal((await measures()).measures['damaged'], 0)
})
