import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { makeCliFolder, startCli, startCliHost } from '../support/cli-process.ts'

// Many processes: a machine with other work needs more time than a test usually has.
t.setTimeout(240_000)

t.test('C1 C105: the main job by its command lines, for scripts', async (t) => {
  const { root, home, base, remove } = await makeCliFolder()
  t.teardown(remove)
  await mkdir(path.join(base, 'docs'), { recursive: true })
  await writeFile(path.join(base, 'index.html'), '<h1>one</h1>')
  await writeFile(path.join(base, 'docs', 'guide.txt'), 'a guide\n'.repeat(500))
  const server = await startCli(['transmitter', 'start', '--listen', '127.0.0.1:0'], { home })
  t.teardown(() => server.stop())
  const url = server.firstLine
  t.match(url, /^http:\/\/127\.0\.0\.1:\d+$/, 'the first line is the URL alone')
  const channel = `${url}/site`
  const tuner = path.join(root, 'tuner')
  const commands = startCliHost()
  t.teardown(() => commands.stop())
  const publisher = (...args: string[]) => commands.run([...args, '--json'], { home })
  const at = (...args: string[]) => commands.run([...args, '--json'], { home: tuner })

  const dry = await publisher('publish', base, channel, '--dry-run')
  t.match(dry, { code: 0, last: { type: 'dry-run', release: 1, files: 2 } })
  const first = await publisher('publish', base, channel, '--label', '1.0', '--title', 'Site')
  t.match(first, {
    code: 0,
    last: { type: 'published', release: 1, label: '1.0', files: 2, bytes: 4012, sentObjects: 2 },
  })
  const link = String(first.last['link'])
  t.match(link, new RegExp(`${channel}#[0-9a-f]{64}$`))
  const again = await publisher('publish', base, channel, '--exit-code')
  t.match(again, { code: 4, last: { type: 'unchanged', release: 1 } })

  const subscribed = await at('subscribe', link)
  const current = path.join(tuner, 'tuner', 'channels', 'site', 'current')
  t.match(subscribed, { code: 0, last: { type: 'subscribed', channel: 'site', to: 1 } })
  t.equal(subscribed.last['location'], current)
  t.equal(await readFile(path.join(current, 'index.html'), 'utf8'), '<h1>one</h1>')

  await writeFile(path.join(base, 'index.html'), '<h1>two</h1>')
  const second = await publisher('publish', base, channel)
  t.match(second.last, { type: 'published', release: 2, reusedObjects: 1, sentObjects: 1 })
  const check = await at('update', '--check', '--exit-code')
  t.match(check, { code: 0, last: { type: 'available', from: 1, to: 2 } })
  const updated = await at('update')
  t.match(updated, {
    code: 0,
    last: { type: 'updated', from: 1, to: 2, changes: { changed: 1, unchanged: 1 } },
  })
  const considered = updated.last['considered'] as readonly { readonly route: string }[]
  t.ok(
    considered.some((one) => one.route === 'whole'),
    'it says what the other routes would have cost',
  )
  const idle = await at('update', 'site', '--exit-code')
  t.match(idle, { code: 4, last: { type: 'unchanged', to: 2 } })

  const list = await at('list')
  t.match(list, { code: 0, last: { channel: 'site', release: 2, state: 'current' } })
  const status = await at('status', 'site')
  t.match(status.last, { type: 'status', head: 2, kept: [2, 1], location: current })
  t.match((await at('why', 'site')).last, { type: 'why', text: /release 2/ })
  const log = await at('log', 'site', '--count', '2')
  t.match(log.objects, [{ type: 'event', event: 'updated', channel: 'site' }, { type: 'event' }])
  const channels = await at('channels', url)
  t.match(channels.last, { type: 'channel', name: 'site', release: 2, title: 'Site', link })

  t.match(await at('verify'), { code: 0, last: { type: 'sound', release: 2, files: 2 } })
  await writeFile(path.join(current, 'docs', 'guide.txt'), 'something else')
  const damaged = await at('verify', 'site')
  t.match(damaged, { code: 13, last: { type: 'damaged' } })
  t.match(damaged.last['damages'], [{ path: 'docs/guide.txt' }])
  t.match(await at('verify', 'site', '--heal'), { code: 0, last: { type: 'healed' } })
  t.equal(await readFile(path.join(current, 'docs', 'guide.txt'), 'utf8'), 'a guide\n'.repeat(500))

  const undone = await at('undo', 'site')
  t.match(undone, { code: 0, last: { type: 'undone', from: 2, to: 1 } })
  t.equal(await readFile(path.join(current, 'index.html'), 'utf8'), '<h1>one</h1>')
  t.match(await at('update'), { code: 0, last: { type: 'held' } })
  const reverted = await publisher('revert', channel, '1')
  t.match(reverted, { code: 0, last: { type: 'reverted', release: 3, of: 1 } })
  t.match(await at('update', 'site'), { code: 0, last: { to: 3 } })

  t.match((await at('schedule', 'site', 'every 1 hour')).last, { text: 'every 1 hour', by: 'user' })
  t.match((await at('pause')).last, { type: 'paused', channel: 'site' })
  t.match((await at('update')).last, { type: 'paused' })
  t.match((await at('resume')).last, { type: 'resumed' })
  t.match(await at('unsubscribe', 'site'), { code: 0, last: { type: 'unsubscribed' } })
  t.equal((await at('list')).objects.length, 0)

  t.match(await publisher('delete', channel), { code: 0, last: { type: 'ended', release: 4 } })
  t.equal(await server.stop(), 0, 'SIGTERM stops it gracefully')
})
