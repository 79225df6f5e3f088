import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { makeCliFolder, startCli, startCliHost } from '../support/cli-process.ts'

// Many processes: a machine with other work needs more time than a test usually has.
t.setTimeout(240_000)

t.test('C28: keys are listed, exported, imported and changed by command', async (t) => {
  const { root, home, base, remove } = await makeCliFolder()
  t.teardown(remove)
  await mkdir(base, { recursive: true })
  await writeFile(path.join(base, 'a.txt'), 'a')
  const server = await startCli(['transmitter', 'start', '--listen', '127.0.0.1:0'], { home })
  t.teardown(() => server.stop())
  const channel = `${server.firstLine}/app`
  const commands = startCliHost()
  t.teardown(() => commands.stop())
  const run = (...args: string[]) => commands.run([...args, '--json'], { home })
  await run('publish', base, channel)
  const keys = await run('key', 'list')
  t.same(keys.objects.map((one) => one['role']).sort(), ['root', 'targets'])
  const file = path.join(root, 'all.bundle')
  t.match(await run('key', 'export', channel, file, '--all'), { code: 0, last: { file } })
  const rotated = await run('key', 'rotate', channel)
  t.match(rotated, { code: 0, last: { type: 'keys-changed', change: 'rotate', rootVersion: 2 } })
  await writeFile(path.join(base, 'a.txt'), 'b')
  t.match(await run('publish', base, channel), { code: 0, last: { release: 2 } })

  const other = path.join(root, 'other')
  const env = { LONGWAVE_TOKEN: 'lwp_wrong' }
  const imported = await commands.run(['key', 'import', file, '--json'], { home: other })
  t.equal(imported.objects.length, 2)
  t.equal(imported.objects[0]?.['type'], 'imported')
  const refused = await commands.run(['publish', base, channel], { home: other, env })
  t.equal(refused.code, 12, refused.stderr)
})
