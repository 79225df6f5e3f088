import { chmod, mkdir, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { makeCliFolder, runCli, startCli } from '../support/cli-process.ts'
import { readTree } from '../support/tree-state.ts'

// Many processes: a machine with other work needs more time than a test usually has.
t.setTimeout(120_000)

/** Everything that a folder may hold. */
async function writeVariety(base: string): Promise<void> {
  await mkdir(path.join(base, 'empty', 'within'), { recursive: true })
  await mkdir(path.join(base, 'a', 'b', 'c', 'd'), { recursive: true })
  await mkdir(path.join(base, 'déjà vu – 日本語'))
  await writeFile(path.join(base, 'index.html'), '<h1>hello</h1>')
  await writeFile(path.join(base, 'a', 'nothing'), '')
  await writeFile(path.join(base, 'a', 'b', 'c', 'd', 'deep.txt'), 'deep')
  await writeFile(path.join(base, 'déjà vu – 日本語', '🜁 file name.txt'), 'names')
  await writeFile(path.join(base, 'with "quotes" & spaces;.txt'), 'quotes')
  await writeFile(path.join(base, '.hidden'), 'dot')
  await writeFile(path.join(base, 'run.sh'), '#!/bin/sh\n')
  await chmod(path.join(base, 'run.sh'), 0o755)
  await writeFile(path.join(base, 'old.txt'), 'old')
  await utimes(path.join(base, 'old.txt'), 1, 1)
  await symlink('run.sh', path.join(base, 'start'))
  await symlink('../index.html', path.join(base, 'a', 'up'))
  await symlink('b/c', path.join(base, 'a', 'inside'))
  await writeFile(path.join(base, 'sparse.bin'), 'begin')
  await truncate(path.join(base, 'sparse.bin'), 40_000_000)
}

t.test('C8 C16: any content, as a channel and as a folder, from one transmitter', async (t) => {
  const { root, home, base, remove } = await makeCliFolder()
  t.teardown(remove)
  await writeVariety(base)
  const server = await startCli(['transmitter', 'start', '--listen', '127.0.0.1:0'], { home })
  t.teardown(() => server.stop())
  const channel = `${server.firstLine}/variety`
  const flags = ['--kind', 'html', '--main', 'index.html']
  const published = await runCli(['publish', base, channel, ...flags], { home })
  t.equal(published.code, 0, published.stderr)

  const folder = path.join(root, 'folder')
  t.equal((await runCli(['subscribe', channel], { home })).code, 0)
  t.equal(
    (await runCli(['subscribe', channel, '--into', folder, '--as', 'variety-folder'], { home }))
      .code,
    0,
  )
  const current = path.join(home, 'tuner', 'channels', 'variety', 'current')
  const expected = await readTree(base)
  t.equal(expected.size, 19)
  t.same(await readTree(`${current}/`), expected, 'the channel')
  t.same(await readTree(folder), expected, 'the folder')

  await t.test('C2: with the server gone everything still opens', async (t) => {
    await server.stop()
    const verified = await runCli(['verify', '--json'], { home })
    t.equal(verified.code, 0, verified.stderr)
    t.equal(verified.objects.length, 2)
    const launched = await runCli(['launch', 'variety', '--print'], { home })
    t.match(launched, { code: 0, stdout: /^file:.*index\.html/ }, launched.stderr)
    t.equal((await runCli(['update', 'variety'], { home })).code, 75, 'an update says so')
  })
})
