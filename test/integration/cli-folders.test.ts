import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { makeCliFolder, startCli, startCliHost } from '../support/cli-process.ts'

// Many processes: a machine with other work needs more time than a test usually has.
t.setTimeout(240_000)

t.test('C18: --into keeps a folder, text is for people, signals end cleanly', async (t) => {
  const { root, home, base, remove } = await makeCliFolder()
  t.teardown(remove)
  await mkdir(base, { recursive: true })
  await writeFile(path.join(base, 'index.html'), '<h1>one</h1>')
  const server = await startCli(['transmitter', 'start', '--listen', '127.0.0.1:0'], { home })
  t.teardown(() => server.stop())
  const commands = startCliHost()
  t.teardown(() => commands.stop())
  const channel = `${server.firstLine}/site`
  const published = await commands.run(['publish', base, channel], { home })
  t.match(published.stdout, /Published .* release 1\n {2}Files .*1 file, 12 B/)
  t.match(published.stdout, /Reused .*\n {2}Sent .*\n {2}Manifest {3}[0-9a-f]{64}\n {2}Subscribe/)
  t.match(published.stdout, /Key {8}[0-9a-f]{4} [0-9a-f]{4}/)
  const folder = path.join(root, 'public')
  const flags = ['--into', folder, '--protect', 'local/**']
  const subscribed = await commands.run(['subscribe', channel, ...flags], { home })
  t.match(subscribed, { code: 0, stdout: /release 0 → 1[\s\S]*Files at/ })
  await mkdir(path.join(folder, 'local'))
  await writeFile(path.join(folder, 'local', 'mine.txt'), 'mine')
  await writeFile(path.join(base, 'index.html'), '<h1>two</h1>')
  const second = await commands.run(['publish', base, channel], { home })
  t.match(second.stdout, /longwave revert \S+ 1/, 'it says how to go back')

  const tuner = await startCli(['tuner', 'start', '--json'], { home })
  t.match(JSON.parse(tuner.firstLine), { type: 'started', home })
  t.equal(await tuner.stop(), 0, 'SIGTERM stops the tuner')
  const updated = await commands.run(['update'], { home })
  t.match(updated.stdout, /release 1 → 2\n {2}Files .*\n {2}Received .*\n {2}Route/)
  t.equal(await readFile(path.join(folder, 'index.html'), 'utf8'), '<h1>two</h1>')
  t.equal(await readFile(path.join(folder, 'local', 'mine.txt'), 'utf8'), 'mine')
  const verified = await commands.run(['verify', folder], { home })
  t.equal(verified.code, 0, `what is protected is no damage: ${verified.stdout}`)
  t.match(await commands.run(['undo', folder], { home }), {
    code: 0,
    stdout: /from release 2 to 1/,
  })
  t.equal(await readFile(path.join(folder, 'index.html'), 'utf8'), '<h1>one</h1>')
})
