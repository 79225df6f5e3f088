import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { makeCliFolder, runCli } from '../support/cli-process.ts'
import { hasNginx, startStaticNginx } from '../support/static-nginx.ts'

// Many processes: a machine with other work needs more time than a test usually has.
t.setTimeout(240_000)

t.test(
  "C45: a tuner follows the static form behind Debian's nginx",
  { skip: hasNginx() ? false : 'nginx is not installed' },
  async (t) => {
    const { root, home, base, remove } = await makeCliFolder()
    t.teardown(remove)
    const www = path.join(root, 'www')
    await mkdir(www, { recursive: true })
    await mkdir(path.join(base, 'texts'), { recursive: true })
    for (let index = 0; index < 40; index++) {
      const lines = Array.from({ length: 200 }, (_, line) => `text ${index}, line ${line}`)
      await writeFile(path.join(base, 'texts', `${index}.txt`), lines.join('\n'))
    }
    const nginx = await startStaticNginx({ folder: www, prefix: path.join(root, 'nginx') })
    t.teardown(() => nginx.stop())
    const publish = (...more: string[]) =>
      runCli(
        ['publish', base, 'texts', '--out', www, '--public-url', nginx.url, '--json', ...more],
        { home },
      )
    const first = await publish()
    t.match(first, { code: 0, last: { release: 1, files: 40 } }, first.stderr)
    const link = String(first.last['link'])
    t.match(link, `${nginx.url}/texts#`)

    const listed = await runCli(['channels', nginx.url, '--json'], { home })
    t.match(listed, { code: 0, last: { type: 'channel', name: 'texts', release: 1, link } })

    const tuner = path.join(root, 'tuner')
    const at = (...args: string[]) => runCli([...args, '--json'], { home: tuner })
    const subscribed = await at('subscribe', link)
    t.match(subscribed, { code: 0, last: { type: 'subscribed', to: 1 } }, subscribed.stderr)
    t.match(await at('update', '--exit-code'), { code: 4, last: { type: 'unchanged' } })

    const file = path.join(base, 'texts', '7.txt')
    await writeFile(file, `a new head\n${await readFile(file, 'utf8')}`)
    const second = await publish()
    t.match(second, { code: 0, last: { release: 2 } }, second.stderr)
    const updated = await at('update')
    t.match(updated, { code: 0, last: { type: 'updated', from: 1, to: 2 } }, updated.stderr)
    t.equal(updated.last['route'], 'bundle', 'the signed bundle is cheaper than whole files')
    const current = path.join(tuner, 'tuner', 'channels', 'texts', 'current')
    t.equal(
      await readFile(path.join(current, 'texts', '7.txt'), 'utf8'),
      await readFile(file, 'utf8'),
    )
    t.match(await at('verify'), { code: 0, last: { type: 'sound', release: 2, files: 40 } })

    const cron = ['publish', base, 'texts', '--out', www, '--force', '--json']
    const third = await runCli(cron, { home })
    t.match(third, { code: 0, last: { release: 3 } }, third.stderr)
    const relisted = await runCli(['channels', nginx.url, '--json'], { home })
    t.match(relisted.last, { release: 3, link }, 'the public URL of the first publish stays')
    t.match(await at('update'), { code: 0, last: { to: 3 } })

    const refreshed = await publish('--refresh')
    t.equal(refreshed.code, 0, refreshed.stderr)
    t.match(await at('update', '--exit-code'), { code: 4, last: { to: 3 } })
  },
)
