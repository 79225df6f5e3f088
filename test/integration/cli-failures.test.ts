import { spawnSync } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { type CliRun, makeCliFolder, runCli, startCli } from '../support/cli-process.ts'

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
  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runCli(args, { home, env })
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
    expectFailure(t, await run(['publish', base]), { code: 2, error: /missing required/ })
    expectFailure(t, await run(['pubish']), { code: 2, error: /Did you mean publish/ })
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
    expectFailure(t, await run(args), { code: 75, error: /nothing listens there/ })
  })

  await t.test('wrong token: 12', async (t) => {
    const args = ['publish', base, `${url}/other`, '--token', 'lwp_wrong']
    expectFailure(t, await run(args), { code: 12, error: /LW_/ })
  })

  await t.test('wrong key: 13, nothing subscribed', async (t) => {
    const wrong = link.replace(/#.*/, `#${'0'.repeat(64)}`)
    const other = path.join(root, 'other')
    const refused = await runCli(['subscribe', wrong], { home: other })
    expectFailure(t, refused, { code: 13, error: /LW_TRUST_/ })
    t.equal((await runCli(['list', '--json'], { home: other })).stdout, '')
  })

  await t.test('corrupt trust state: 13, never a fresh start', async (t) => {
    const other = path.join(root, 'corrupt')
    await runCli(['subscribe', link], { home: other })
    const files = await readdir(path.join(other, 'tuner'), { recursive: true })
    const trust = files.filter((name) => path.basename(name) === 'trust.json')
    t.equal(trust.length, 1)
    const file = path.join(other, 'tuner', trust[0] ?? '')
    const bytes = await readFile(file)
    await writeFile(file, bytes.subarray(0, bytes.byteLength - 9))
    const refused = await runCli(['update'], { home: other })
    expectFailure(t, refused, { code: 13, error: /LW_TRUST_/ })
  })

  await t.test('clock far off: 75, says that it is the clock', async (t) => {
    const other = path.join(root, 'clock')
    await runCli(['subscribe', link], { home: other })
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
    const refused = await run(['list'], { NODE_OPTIONS: `--require ${old}` })
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

  await t.test('no permission: 1, said with the path', async (t) => {
    const locked = path.join(root, 'no-permission')
    await mkdir(locked)
    await chmod(root, 0o755)
    await chmod(locked, 0o555)
    // Root may write anywhere: it has to be somebody else.
    const uid = process.getuid?.() === 0 ? { uid: 65_534 } : {}
    const refused = await runCli(['list'], { home: path.join(locked, 'home'), ...uid })
    expectFailure(t, refused, { code: 1, error: /longwave: .*LW_STORE_/ })
    t.same(await readdir(locked), [])
  })

  await t.test('full disk: said so, the folder is as it was', async (t) => {
    const disk = path.join(root, 'disk')
    await mkdir(disk)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'none', disk])
    if (mounted.status !== 0) {
      t.comment('SKIPPED ALOUD: no tmpfs may be mounted here')
      t.pass('mounting is not permitted')
      return
    }
    t.teardown(async () => {
      spawnSync('umount', [disk])
      await rm(disk, { recursive: true, force: true })
    })
    await writeFile(path.join(base, 'big.bin'), Buffer.alloc(6_000_000, 'x7Rq'))
    await run(['publish', base, `${url}/big`])
    const full = await runCli(['subscribe', `${url}/big`], { home: disk })
    expectFailure(t, full, { code: 1, error: /SPACE/ })
  })
})
