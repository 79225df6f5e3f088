import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { makeCliFolder, runCli, startCli, startCliHost } from '../support/cli-process.ts'
import { selfSigned } from '../support/self-signed.ts'

// Many processes: a machine with other work needs more time than a test usually has.
t.setTimeout(240_000)

t.test('C46: a transmitter is looked after by its commands while it serves', async (t) => {
  const { root, home, base, remove } = await makeCliFolder()
  t.teardown(remove)
  await mkdir(base, { recursive: true })
  await writeFile(path.join(base, 'a.txt'), 'some text\n'.repeat(300))
  const data = path.join(root, 'data')
  const config = path.join(root, 'longwave.toml')
  await writeFile(
    config,
    `home = ${JSON.stringify(home)}
[transmitter]
listen = "127.0.0.1:0"
data = ${JSON.stringify(data)}
trusted-proxy = ["10.0.0.0/8", "192.168.0.0/16"]
retain = 5
`,
  )
  const elsewhere = path.join(root, 'elsewhere')
  const commands = startCliHost()
  t.teardown(() => commands.stop())
  const run = (...args: string[]) =>
    commands.run([...args, '--json'], {
      home: '',
      env: { HOME: elsewhere, LONGWAVE_CONFIG: config },
    })
  const server = await startCli(['transmitter', 'start', '--config', config], { home: '' })
  t.teardown(() => server.stop())
  const url = server.firstLine
  t.ok((await stat(data)).isDirectory(), 'the configuration names the folder')

  const token = await run('transmitter', 'token', 'add', '--channels', 'app*', '--note', 'ci')
  t.match(token, { code: 0, last: { type: 'token', channels: 'app*', token: /^lwp_/ } })
  const secret = String(token.last['token'])
  const tokens = await run('user', 'token', 'list', '--data', data)
  t.match(tokens.last, { type: 'token', note: 'ci' })
  t.notMatch(tokens.stdout, secret, 'shown once only')
  const published = await run('publish', base, `${url}/app`, '--token', secret)
  t.match(published, { code: 0, last: { release: 1 } }, published.stderr)
  const other = await run('publish', base, `${url}/other`, '--token', secret)
  t.equal(other.code, 12, 'the token is for other names')
  const id = String(token.last['id'])
  const revoke = ['transmitter', 'token', 'revoke', id]
  t.match(await run(...revoke), { code: 0, last: { type: 'revoked', revoked: true } })
  t.equal((await run(...revoke)).code, 10)

  t.match(await run('status', '--server', url), {
    code: 0,
    last: {
      type: 'server',
      service: 'transmitter',
      status: 'ok',
      measures: { connections: Number },
    },
  })
  t.match(await run('transmitter', 'fsck'), { code: 0, last: { type: 'checked', sound: true } })
  t.match((await run('transmitter', 'gc', '--dry-run')).last, { type: 'collected', dryRun: true })
  const backup = path.join(root, 'backup')
  t.match((await run('transmitter', 'backup', backup)).last, { type: 'backup', missing: [] })
  const restored = await run('transmitter', 'restore', backup, '--data', path.join(root, 'new'))
  t.match(restored, { code: 0, last: { type: 'restored', channels: 1, sound: true } })

  const objects = await readdir(path.join(root, 'new'), { recursive: true })
  const damaged = path.join(root, 'new', await largestObject(path.join(root, 'new'), objects))
  const bytes = await readFile(damaged)
  bytes[100] = (bytes[100] ?? 0) ^ 1
  await writeFile(damaged, bytes)
  const found = await run('transmitter', 'fsck', '--data', path.join(root, 'new'))
  t.match(found, { code: 13, objects: [{ type: 'finding', kind: 'object-damaged' }] })
  const repaired = ['transmitter', 'fsck', '--repair', '--data', path.join(root, 'new')]
  t.match(await run(...repaired), { objects: [{ kind: 'object-damaged', repaired: true }] })
  t.equal((await run('transmitter', 'fsck', '--data', elsewhere)).code, 10, 'no data there')
})

/** Objects lie in one file each; the release's only text is the largest. */
async function largestObject(root: string, names: readonly string[]): Promise<string> {
  let best = ''
  let bestSize = 0
  for (const name of names) {
    const found = await stat(path.join(root, name))
    if (!name.startsWith('objects') || !found.isFile() || found.size <= bestSize) continue
    best = name
    bestSize = found.size
  }
  return best
}

t.test('C113: TLS by two files; wrong ones are named', async (t) => {
  const { root, home, remove } = await makeCliFolder()
  t.teardown(remove)
  const { certificate, key } = selfSigned(['127.0.0.1'])
  const files = { cert: path.join(root, 'cert.pem'), key: path.join(root, 'key.pem') }
  await writeFile(files.cert, certificate)
  await writeFile(files.key, key)
  const args = ['transmitter', 'start', '--listen', '127.0.0.1:0', '--tls-cert', files.cert]
  t.match(await runCli(args, { home }), { code: 2, stderr: /--tls-key go together/ })
  const server = await startCli([...args, '--tls-key', files.key], { home })
  t.teardown(() => server.stop())
  t.match(server.firstLine, /^https:/)
  const env = { NODE_EXTRA_CA_CERTS: files.cert }
  t.equal((await runCli(['channels', server.firstLine], { home, env })).code, 0)
  t.match(await runCli(['channels', server.firstLine], { home }), { stderr: /LW_TRANSFER_/ })
})

t.test('a configuration with a typing mistake is refused with the nearest name', async (t) => {
  const { root, home, remove } = await makeCliFolder()
  t.teardown(remove)
  await mkdir(root, { recursive: true })
  const config = path.join(root, 'longwave.toml')
  await writeFile(config, '[transmitter]\nlisten = "127.0.0.1:0"\npublic-ulr = "http://a"\n')
  const refused = await runCli(['transmitter', 'start', '--config', config], { home })
  t.match(refused, { code: 2, stderr: /public-ulr[\s\S]*Did you mean "public-url"/ })
  await writeFile(config, '[transmiter]\nlisten = "127.0.0.1:0"\n')
  const table = await runCli(['list', '--config', config], { home })
  t.match(table, { code: 2, stderr: /\[transmiter\][\s\S]*Did you mean "transmitter"/ })
  await writeFile(config, 'quiet = "very"\n')
  t.equal((await runCli(['list', '--config', config], { home })).code, 2)
})
