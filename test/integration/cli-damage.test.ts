import { mkdir, readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { makeCliFolder, startCli, startCliHost } from '../support/cli-process.ts'

// Many processes: a machine with other work needs more time than a test usually has.
t.setTimeout(240_000)

t.test('one that is broken takes nothing from the others', async (t) => {
  const { root, home, base, remove } = await makeCliFolder()
  t.teardown(remove)
  await mkdir(base, { recursive: true })
  await writeFile(path.join(base, 'a.txt'), 'a')
  const server = await startCli(['transmitter', 'start', '--listen', '127.0.0.1:0'], { home })
  t.teardown(() => server.stop())
  const url = server.firstLine
  const commands = startCliHost()
  t.teardown(() => commands.stop())
  const run = (args: readonly string[]) => commands.run(args, { home })

  await t.test('a schedule out of range: 2, and nothing is stored anywhere', async (t) => {
    const refused = { code: 2, stderr: /minute of a cron text.*not 99[\s\S]*LW_FORMAT_SCHEDULE/ }
    const bad = ['--schedule', 'cron 99 * * * *']
    t.match(await run(['publish', base, `${url}/bad`, ...bad]), refused)
    const out = path.join(root, 'www')
    t.match(await run(['publish', base, 'bad', '--out', out, ...bad]), refused)
    await t.rejects(readdir(path.join(home, 'keys')), { code: 'ENOENT' }, 'no keys')
    await t.rejects(readdir(out), { code: 'ENOENT' }, 'no folder')
    const never = await run(['publish', base, `${url}/app`, '--schedule', 'cron 0 3 30 2 *'])
    t.match(never, { code: 0, stderr: /Warning: The schedule "cron 0 3 30 2 \*" never runs/ })
    t.equal((await run(['subscribe', `${url}/app`])).code, 0)
    t.match(await run(['schedule', 'app', 'cron 99 * * * *']), refused)
    const warned = await run(['schedule', 'app', 'cron 0 0 31 4 *'])
    t.match(warned, { code: 0, stdout: /no scheduled run/, stderr: /Warning:.*never runs/ })
    t.equal((await run(['schedule', 'app', 'hourly'])).code, 0)
    t.equal((await run(['subscribe', `${url}/app`, '--as', 'second'])).code, 0)
  })

  await t.test(
    'a record that cannot be read: 3, the others are done; it can be removed',
    async (t) => {
      await writeFile(path.join(home, 'tuner/channels/app/subscription.json'), '{')
      await writeFile(path.join(base, 'a.txt'), 'b')
      t.equal((await run(['publish', base, `${url}/app`])).code, 0)
      const told = /app:\n.*subscription\.json was altered[\s\S]*Next: longwave unsubscribe app/
      t.match(await run(['update']), { code: 3, stdout: /second: release 1 → 2/, stderr: told })
      for (const command of ['list', 'status', 'why', 'verify']) {
        t.match(await run([command]), { code: 3, stdout: /second/, stderr: told }, command)
      }
      t.match(await run(['list']), { stdout: /app +damaged/ })
      t.match(await run(['log']), { code: 0 })
      t.match(await run(['why', 'app']), { code: 13 })
      t.match(await run(['unsubscribe', 'app']), { code: 0, stdout: /Removed the state of app/ })
      t.match(await run(['list']), { code: 0, stdout: /second/ })
    },
  )

  await t.test('a running tuner tells of it at its start', async (t) => {
    await writeFile(path.join(home, 'tuner/channels/second/subscription.json'), '{')
    const tuner = await startCli(['tuner', 'start', '--json'], { home })
    t.teardown(() => tuner.stop())
    t.match(await run(['update']), { code: 13, stderr: /second:\n/ }, 'through its socket')
    t.match(await run(['unsubscribe', 'second']), { code: 0 })
    t.equal(await tuner.stop(), 0)
  })
})
