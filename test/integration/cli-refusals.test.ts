import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { makeCliFolder, startCli, startCliHost } from '../support/cli-process.ts'

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
