import { spawnSync } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import {
  type CliRun,
  makeCliFolder,
  runCli,
  startCli,
  startCliHost,
} from '../support/cli-process.ts'

// Many processes: a machine with other work needs more time than a test usually has.
t.setTimeout(240_000)

type Check = Pick<typeof t, 'equal' | 'match' | 'notMatch'>

/** One message, no stack, nothing on standard output, its code in brackets. */
function expectFailure(t: Check, run: CliRun, expected: { code: number; error: RegExp }): void {
  t.equal(run.code, expected.code, run.stderr)
  t.match(run.stderr, expected.error)
  t.notMatch(run.stderr, /\n\s+at /, 'no stack')
  t.equal(run.stdout, '')
}

t.test('bad input: one clear message, its exit code, nothing half done', async (t) => {
  const { root, home, base, remove } = await makeCliFolder()
  t.teardown(remove)
  await mkdir(base, { recursive: true })
  await writeFile(path.join(base, 'a.txt'), 'a')
  const server = await startCli(['transmitter', 'start', '--listen', '127.0.0.1:0'], { home })
  t.teardown(() => server.stop())
  const url = server.firstLine
  const commands = startCliHost()
  t.teardown(() => commands.stop())
  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    commands.run(args, { home, env })
  const first = await run(['publish', base, `${url}/app`, '--json'])
  const link = String(first.last['link'])

  await t.test('unknown channel: 10', async (t) => {
    expectFailure(t, await run(['subscribe', `${url}/nothing`]), {
      code: 10,
      error: /answered 404.*\n.*Nothing was subscribed/,
    })
    expectFailure(t, await run(['update', 'nothing']), { code: 10, error: /LW_TUNER_NO_CHANNEL/ })
  })

  await t.test('bad URL, bad option, unknown command: 2', async (t) => {
    expectFailure(t, await run(['subscribe', 'nonsense']), { code: 2, error: /CHANNEL_URL/ })
    const missing = await run(['publish', base])
    expectFailure(t, missing, { code: 2, error: /missing required[\s\S]*longwave publish --help/ })
    expectFailure(t, await run(['pubish']), { code: 2, error: /Did you mean publish/ })
    expectFailure(t, await run(['publish', base, url]), { code: 2, error: /names no channel/ })
    const name = await run(['publish', base, 'site'])
    expectFailure(t, name, { code: 2, error: /its URL is needed[\s\S]*Next: .*--out/ })
    const as = await run(['subscribe', `${url}/app`, '--as', 'Bad/Name'])
    expectFailure(t, as, { code: 2, error: /LW_FORMAT_CHANNEL_NAME/ })
    expectFailure(t, await run(['channels', 'nonsense']), { code: 2, error: /URL is such as/ })
    const rollout = ['publish', base, `${url}/app`, '--rollout', 'soon']
    expectFailure(t, await run(rollout), { code: 2, error: /--rollout takes a duration/ })
  })

  await t.test('port in use: 1, and the other transmitter goes on', async (t) => {
    const data = path.join(root, 'data2')
    const args = ['transmitter', 'start', '--listen', url.slice(7), '--data', data]
    expectFailure(t, await run(args), { code: 1, error: /LW_SERVE_PORT_IN_USE[\s\S]*--listen/ })
    t.equal((await run(['channels', url])).code, 0)
  })

  await t.test('server away: 75', async (t) => {
    const args = ['publish', base, 'http://127.0.0.1:1/app']
    const away = { code: 75, error: /nothing listens there[\s\S]*Next: longwave doctor/ }
    expectFailure(t, await run(args), away)
  })

  await t.test('a server that is none: 1; a file that is not there: 1, said plainly', async (t) => {
    const none = { code: 1, error: /is no transmitter, and there is no .*channels\.json/ }
    expectFailure(t, await run(['channels', `${url}/app`]), none)
    const inspect = await run(['delta', 'inspect', path.join(root, 'nothing')])
    expectFailure(t, inspect, {
      code: 1,
      error: /There is no such file or folder: .*\[LW_CLI_SYSTEM\]/,
    })
  })

  await t.test('wrong token: 12', async (t) => {
    const args = ['publish', base, `${url}/other`, '--token', 'lwp_wrong']
    expectFailure(t, await run(args), { code: 12, error: /LW_/ })
  })

  await t.test('wrong key: 13, nothing subscribed', async (t) => {
    const wrong = link.replace(/#.*/, `#${'0'.repeat(64)}`)
    const other = path.join(root, 'other')
    const refused = await commands.run(['subscribe', wrong], { home: other })
    expectFailure(t, refused, { code: 13, error: /LW_TRUST_/ })
    t.equal((await commands.run(['list', '--json'], { home: other })).stdout, '')
  })

  await t.test('private keys that others can read: doctor names them', async (t) => {
    const sound = await run(['doctor', '--listen', '127.0.0.1:0'])
    t.match(sound, { code: 0, stdout: /ok {4}keys {7}\d private keys/ })
    const keys = path.join(home, 'keys')
    const names = await readdir(keys, { recursive: true })
    const key = path.join(keys, names.find((name) => name.endsWith('.pem')) ?? '')
    await chmod(key, 0o644)
    const open = await run(['doctor', '--listen', '127.0.0.1:0'])
    t.match(open, { code: 1, stdout: /bad {3}keys .*can be read by others[\s\S]*chmod -R go=/ })
    await chmod(key, 0o600)
  })

  await t.test('corrupt trust state: 13, never a fresh start', async (t) => {
    const other = path.join(root, 'corrupt')
    await commands.run(['subscribe', link], { home: other })
    const files = await readdir(path.join(other, 'tuner'), { recursive: true })
    const trust = files.filter((name) => path.basename(name) === 'trust.json')
    t.equal(trust.length, 1)
    const file = path.join(other, 'tuner', trust[0] ?? '')
    const bytes = await readFile(file)
    await writeFile(file, bytes.subarray(0, bytes.byteLength - 9))
    const refused = await commands.run(['update'], { home: other })
    expectFailure(t, refused, { code: 13, error: /LW_TRUST_/ })
    const doctor = await commands.run(['doctor', '--listen', '127.0.0.1:0'], { home: other })
    t.match(doctor, { code: 1, stdout: /bad {3}tuner {6}app: .*LW_TRUST_STATE_DAMAGED/ })
  })

  await t.test('clock far off: 75, says that it is the clock', async (t) => {
    const other = path.join(root, 'clock')
    await commands.run(['subscribe', link], { home: other })
    const late = path.join(root, 'late.cjs')
    await writeFile(
      late,
      `const Real = Date
const now = () => Real.now() + 400 * 86_400_000
globalThis.Date = class extends Real {
  constructor(...given) { given.length === 0 ? super(now()) : super(...given) }
  static now() { return now() }
}
`,
    )
    const env = { NODE_OPTIONS: `--require ${late}` }
    const refused = await runCli(['update'], { home: other, env })
    expectFailure(t, refused, { code: 75, error: /LW_TRUST_CLOCK_WRONG/ })
  })

  await t.test('Node too old: 1, one line', async (t) => {
    const old = path.join(root, 'old.cjs')
    await writeFile(old, "Object.defineProperty(process.versions, 'node', { value: '18.20.4' })\n")
    const env = { NODE_OPTIONS: `--require ${old}` }
    const refused = await runCli(['list'], { home, env })
    expectFailure(t, refused, { code: 1, error: /^longwave: needs Node 20\.18\.1 or newer.*\n$/ })
  })

  await t.test('an empty proxy variable is ignored, a wrong one is named', async (t) => {
    t.equal((await run(['channels', url], { http_proxy: '', HTTP_PROXY: ' ' })).code, 0)
    const doctor = await run(['doctor', '--listen', '127.0.0.1:0'], { http_proxy: '' })
    t.match(doctor, { code: 0, stdout: /warn {2}proxy.*http_proxy is set but empty/ })
  })

  await t.test('another process has the home: 11, or it is asked to do it', async (t) => {
    const other = path.join(root, 'locked')
    const tuner = await startCli(['tuner', 'start', '--json'], { home: other })
    t.teardown(() => tuner.stop())
    const second = await runCli(['tuner', 'start'], { home: other })
    expectFailure(t, second, { code: 11, error: /LW_STORE_LOCKED/ })
    t.equal((await runCli(['list'], { home: other })).code, 0)
  })

  await t.test('no permission: 12, said with the path', async (t) => {
    const locked = path.join(root, 'no-permission')
    await mkdir(locked)
    await chmod(root, 0o755)
    await chmod(locked, 0o555)
    // Root may write anywhere: it has to be somebody else.
    const uid = process.getuid?.() === 0 ? { uid: 65_534 } : {}
    const refused = await runCli(['list'], { home: path.join(locked, 'home'), ...uid })
    expectFailure(t, refused, { code: 12, error: /longwave: .*LW_STORE_/ })
    t.same(await readdir(locked), [])
  })

  const disk = path.join(root, 'disk')
  await mkdir(disk)
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'none', disk])
  t.teardown(() => spawnSync('umount', [disk]))
  const skip = mounted.status === 0 ? false : 'no tmpfs may be mounted here'
  await t.test('full disk: said so, the folder is as it was', { skip }, async (t) => {
    await writeFile(path.join(base, 'big.bin'), Buffer.alloc(6_000_000, 'x7Rq'))
    await run(['publish', base, `${url}/big`])
    const full = await runCli(['subscribe', `${url}/big`], { home: disk })
    expectFailure(t, full, { code: 75, error: /SPACE/ })
    const left = await readdir(path.join(disk, 'tuner', 'channels'), { recursive: true })
    t.strictSame(left, [], 'nothing is left of it')
    const into = path.join(disk, 'into')
    const folder = await runCli(['subscribe', `${url}/big`, '--into', into], { home: `${root}/h` })
    expectFailure(t, folder, { code: 75, error: /SPACE/ })
    await t.rejects(readdir(into), { code: 'ENOENT' }, 'nor of the folder that it made')
    t.equal((await runCli(['list', '--json'], { home: disk })).stdout, '', 'nothing is subscribed')
  })
})
