import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { makeCliFolder, runCli, startCli, startCliHost } from '../support/cli-process.ts'

// Many processes: a machine with other work needs more time than a test usually has.
t.setTimeout(240_000)

const program = `import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
const attempt = (work) => { try { return work() } catch (error) { return error.code } }
const own = import.meta.dirname
const data = process.env.LONGWAVE_CHANNEL_DATA
console.log(JSON.stringify({
  args: process.argv.slice(2),
  reads: attempt(() => readFileSync(path.join(own, 'text.txt'), 'utf8')),
  outside: attempt(() => readFileSync(process.argv[2], 'utf8')),
  writes: attempt(() => writeFileSync(path.join(data, 'state.txt'), 'kept')),
  changes: attempt(() => writeFileSync(path.join(own, 'text.txt'), 'mine')),
  secret: process.env.LONGWAVE_TOKEN,
}))
process.exitCode = 7
`

t.test('C32 C36 C83: pages and commands are launched, checked and fenced', async (t) => {
  const { root, home, base, remove } = await makeCliFolder()
  t.teardown(remove)
  await mkdir(base, { recursive: true })
  await writeFile(path.join(base, 'main.mjs'), program)
  await writeFile(path.join(base, 'text.txt'), 'a text')
  await writeFile(path.join(base, 'index.html'), '<h1>hello</h1>')
  const server = await startCli(['transmitter', 'start', '--listen', '127.0.0.1:0'], { home })
  t.teardown(() => server.stop())
  const commands = startCliHost()
  t.teardown(() => commands.stop())
  const run = (...args: string[]) => commands.run(args, { home })
  const url = server.firstLine
  await run('publish', base, `${url}/page`, '--kind', 'html', '--main', 'index.html')
  const flags = ['--kind', 'application', '--main', 'main.mjs', '--json']
  const { last } = await run('publish', base, `${url}/tool`, ...flags)
  t.equal((await run('subscribe', `${url}/page`)).code, 0)
  t.equal((await run('subscribe', String(last['link']))).code, 0)
  const channels = path.join(home, 'tuner', 'channels')

  await t.test('a page: every file is checked and mended first', async (t) => {
    const page = path.join(channels, 'page', 'current', 'index.html')
    await writeFile(page, '<h1>something else</h1>')
    const launched = await run('launch', 'page', '--print')
    t.equal(launched.code, 0, launched.stderr)
    t.ok(launched.stdout.startsWith(pathToFileURL(channels).href))
    t.equal(await readFile(page, 'utf8'), '<h1>hello</h1>')
  })

  const outside = path.join(root, 'private.txt')
  await writeFile(outside, 'private')
  const launch = async () => {
    const env = { LONGWAVE_TOKEN: 'a secret', NODE_OPTIONS: '--no-warnings' }
    const launched = await runCli(['launch', 'tool', outside], { home, env })
    return { code: launched.code, said: launched.last, stderr: launched.stderr }
  }

  await t.test('a command: fenced in until it is trusted', async (t) => {
    const fenced = await launch()
    t.equal(fenced.code, 7, fenced.stderr)
    t.same(fenced.said, {
      args: [outside],
      reads: 'a text',
      outside: 'ERR_ACCESS_DENIED',
      changes: 'ERR_ACCESS_DENIED',
    })
    const state = path.join(channels, 'tool', 'data', 'state.txt')
    t.equal(await readFile(state, 'utf8'), 'kept', 'its own folder can be written')
  })

  await t.test('trust lifts the fence, distrust takes it back', async (t) => {
    t.equal((await run('trust', 'tool')).code, 0)
    t.match(await launch(), { code: 7, said: { outside: 'private' } })
    t.equal((await run('distrust', 'tool')).code, 0)
    t.match(await launch(), { said: { outside: 'ERR_ACCESS_DENIED' } })
  })

  await t.test('a channel that needs trust is not launched without', async (t) => {
    await run('publish', base, `${url}/tool`, '--trusted')
    await run('update')
    t.match(await launch(), { code: 12, stderr: /LW_TUNER_NOT_TRUSTED[\s\S]*longwave trust tool/ })
  })

  await t.test('a trusted channel is not taken on the word of its own host', async (t) => {
    await run('publish', base, `${url}/page`, '--trusted')
    const refused = await run('update', 'page')
    t.match(refused, { code: 13, stderr: /LW_TUNER_FIRST_USE[\s\S]*page#CHANNEL-ID/ })
    t.equal((await run('launch', 'page', '--print')).code, 0, 'what is installed stays in use')
  })
})
