import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { makeCliFolder, runCli, startCli, startCliHost } from '../support/cli-process.ts'

// Many processes: a machine with other work needs more time than a test usually has.
t.setTimeout(240_000)

t.test('what is refused says what it found and what comes next', async (t) => {
  const { root, home, base, remove } = await makeCliFolder()
  t.teardown(remove)
  await mkdir(base, { recursive: true })
  await writeFile(path.join(base, 'a.txt'), 'a')
  const server = await startCli(['transmitter', 'start', '--listen', '127.0.0.1:0'], { home })
  const url = server.firstLine
  const commands = startCliHost()
  t.teardown(() => commands.stop())
  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    commands.run(args, { home, env })
  const first = await run(['publish', base, `${url}/app`, '--json'])
  const link = String(first.last['link'])
  t.equal((await run(['subscribe', link])).code, 0)
  const into = path.join(root, 'into')

  await t.test('the name of the folder in which updates are prepared is left out', async (t) => {
    const reserved = path.join(base, '.longwave-updating')
    await mkdir(reserved)
    await writeFile(path.join(reserved, 'x'), 'x')
    const published = await run(['publish', base, `${url}/reserved`])
    t.match(published, { code: 0, stdout: /1 file/, stderr: /\.longwave-updating is left out/ })
    await rm(reserved, { recursive: true })
  })

  await t.test(
    'a mistyped fingerprint is told in full, and is no failure of the channel',
    async (t) => {
      const before = (await run(['status', 'app', '--json'])).last
      const last = link.endsWith('0') ? '1' : '0'
      const slip = await run(['subscribe', link.slice(0, -1) + last, '--json'])
      t.match(slip, { code: 13, last: { code: 'LW_TRUST_CHANNEL_REPLACED' } })
      const said = String(slip.last['message'])
      t.match(said, /The link names another channel than the one subscribed as app/)
      const [ours, theirs] = said.match(/[0-9a-f]{64}/g) ?? []
      t.ok(
        ours !== undefined && theirs !== undefined && ours !== theirs,
        'two whole ids that differ',
      )
      t.match(slip.last['next'], `longwave trust app --replace '${link.slice(0, -1)}${last}'`)
      t.strictSame((await run(['status', 'app', '--json'])).last, before)
      t.notMatch(await run(['log']), { stdout: /failed/ })
    },
  )

  await t.test('revert and delete of what is not there make no keys', async (t) => {
    const keys = async () => (await run(['key', 'list'])).stdout
    const before = await keys()
    for (const act of [
      ['revert', `${url}/none`, '1'],
      ['delete', `${url}/none`],
    ]) {
      const refused = { code: 10, stderr: /Nothing was changed\.\n {2}Next: longwave channels / }
      t.match(await run(act), refused)
    }
    t.equal(await keys(), before)
    const known = await readdir(path.join(home, 'publisher/channels'))
    t.notOk(
      known.some((name) => name.startsWith('none')),
      'nothing is remembered of it',
    )
  })

  await t.test('an export replaces a file only when that was said', async (t) => {
    const file = path.join(root, 'keys.bundle')
    await writeFile(file, 'keys of another channel')
    const args = ['key', 'export', `${url}/app`, file]
    t.match(await run(args), { code: 2, stderr: /is there already[\s\S]*--yes/ })
    t.equal(await readFile(file, 'utf8'), 'keys of another channel')
    t.equal((await run([...args, '--yes'])).code, 0)
    const other = await run(['publish', base, `${url}/other`])
    t.match(other.stdout, /key export \S+ other-recovery\.bundle --role root/)
    const page = path.join(base, 'a.txt')
    t.match(await run(['key', 'import', page]), { code: 2, stderr: /is no file of keys/ })
  })

  await t.test('a folder belongs to one channel', async (t) => {
    t.equal((await run(['subscribe', link, '--into', into])).code, 0)
    const second = await run(['subscribe', `${url}/other`, '--into', into])
    t.match(second, {
      code: 2,
      stderr:
        /into is kept by app, which is [\s\S]*unsubscribe .*into \[?[\s\S]*|LW_TUNER_FOLDER_REFUSED/,
    })
    t.match(second.stderr, /LW_TUNER_FOLDER_REFUSED/)
  })

  await t.test(
    'a folder that is not empty: what would change, and only --adopt changes it',
    async (t) => {
      const full = path.join(root, 'full')
      await mkdir(full)
      for (const [name, text] of [
        ['a.txt', 'mine'],
        ['b.txt', 'mine'],
        ['kept.txt', 'mine'],
      ] as const) {
        await writeFile(path.join(full, name), text)
      }
      const args = ['subscribe', link, '--into', full, '--as', 'full', '--protect', 'kept.txt']
      const refused = await run([...args, '--json'])
      t.match(refused, {
        code: 2,
        last: { code: 'LW_TUNER_FOLDER_NOT_EMPTY', replaced: 1, removed: 1, kept: 1 },
        stderr:
          /would replace 1 \("a\.txt"\) and remove 1 \("b\.txt"\); 1 would stay[\s\S]*--adopt/,
      })
      t.strictSame((await readdir(full)).sort(), ['a.txt', 'b.txt', 'kept.txt'], 'as it was')
      t.equal(await readFile(path.join(full, 'a.txt'), 'utf8'), 'mine')
      t.notMatch(await run(['list']), { stdout: /full/ })
      t.equal((await run([...args, '--adopt'])).code, 0)
      t.strictSame((await readdir(full)).sort(), ['a.txt', 'kept.txt'])
      t.equal(await readFile(path.join(full, 'a.txt'), 'utf8'), 'a')
    },
  )

  await t.test('usage errors have their JSON line', async (t) => {
    for (const args of [['pubish'], ['publish'], ['key', 'add', `${url}/app`, '--role', 'x']]) {
      const refused = await run([...args, '--json'])
      t.match(refused, { code: 2, last: { type: 'error', code: 'LW_CLI_USAGE' } }, args.join(' '))
      t.notMatch(refused.last['message'], /^error:/)
    }
  })

  await t.test('a bandwidth holds a transfer back', async (t) => {
    await writeFile(path.join(base, 'big.bin'), randomBytes(600_000))
    t.equal((await run(['publish', base, `${url}/wide`])).code, 0)
    const startedMs = performance.now()
    const slow = await run(['subscribe', `${url}/wide`], { LONGWAVE_BANDWIDTH: '400K' })
    t.equal(slow.code, 0)
    t.ok(performance.now() - startedMs > 1000, 'as slowly as was said')
    for (const rate of ['0', '12', 'fast', '5T']) {
      t.match(await run(['update', '--bandwidth', rate]), { code: 2, stderr: /--bandwidth takes/ })
    }
  })

  await t.test('a second tuner does not say that it runs', async (t) => {
    const tuner = await startCli(['tuner', 'start', '--json'], { home })
    t.teardown(() => tuner.stop())
    const second = await run(['tuner', 'start', '--json'])
    t.match(second, { code: 11, last: { code: 'LW_STORE_LOCKED' } })
    t.equal(second.objects.length, 1, 'nothing else')
    t.notMatch(second.stderr, /the tuner runs/)
    const through = await run(['update', '--bandwidth', '500K'])
    t.match(through, { code: 0, stderr: /the --bandwidth of its start counts/ })
  })

  await t.test('help stays within the page', async (t) => {
    for (const command of ['key', 'transmitter', 'subscribe', 'publish', 'tuner']) {
      for (const line of (await runCli([command, '--help'], { home })).stdout.split('\n')) {
        t.ok(line.length <= 100, `${command}: ${line}`)
      }
    }
  })

  await t.test('a signal at the very start is an interruption like any other', async (t) => {
    // Sent as soon as somebody listens, while the command is still being loaded.
    const preload = `process.on('newListener', (name) => {
      if (name === 'SIGINT') setImmediate(() => process.kill(process.pid, 'SIGINT'))
    })`
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(preload)}` }
    const ended = await runCli(['update', '--json'], { home, env })
    t.match(ended, { code: 130, last: { code: 'LW_INTERRUPTED' }, stderr: /interrupted/ })
    t.notMatch(ended.stdout, /"channel"/, 'nothing was begun')
  })

  await t.test('words: an unknown channel, a refused token, no label', async (t) => {
    const unknown = await run(['subscribe', `${url}/nothing`])
    t.match(unknown, { code: 10, stderr: /There is no such channel\./ })
    const token = await run(['publish', base, `${url}/app`, '--token', 'lwp_wrong'])
    t.match(token, { code: 12, stderr: /The token of --token was refused/ })
    t.notMatch(token.stderr, /lwp_wrong/)
    const named = await run(['publish', base, `${url}/app`], { LONGWAVE_TOKEN: 'lwp_wrong' })
    t.match(named, { code: 12, stderr: /The token of LONGWAVE_TOKEN was refused[\s\S]*--token/ })
    const labelled = await run([
      'publish',
      base,
      `${url}/app`,
      '--force',
      '--label',
      'none',
      '--json',
    ])
    t.equal(labelled.last['label'], undefined)
  })

  await t.test('publish --out --refresh keeps the public URL and counts no files', async (t) => {
    const out = path.join(root, 'www')
    const args = ['publish', base, 'docs', '--out', out]
    await run([...args, '--public-url', 'https://example.org'])
    const refreshed = await run([...args, '--refresh', '--json'])
    t.match(refreshed.last, { type: 'refreshed', link: /^longwave:https:\/\/example\.org\/docs#/ })
    t.notOk('files' in refreshed.last, 'nobody looked at the manifest')
  })

  await t.test('a transmitter with channels and without records does not begin anew', async (t) => {
    await server.stop()
    const data = path.join(home, 'transmitter')
    for (const name of await readdir(data)) {
      if (/^records\.db-/.test(name)) await rm(path.join(data, name))
    }
    await writeFile(path.join(data, 'records.db'), '')
    const start = await run(['transmitter', 'start', '--listen', '127.0.0.1:0'])
    t.match(start, { code: 13, stdout: '', stderr: /LW_TRANSMIT_RECORDS_LOST[\s\S]*restore/ })
    t.equal((await stat(path.join(data, 'records.db'))).size, 0)
  })
})
