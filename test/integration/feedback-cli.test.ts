import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { countingPlugin } from '../support/backchannel-plugins.ts'

const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

// Every command is a process of its own.
t.setTimeout(120_000)

t.test('C49 C52 C98: feedback and plug-ins by the command line', async (t) => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'lw-feedback-cli-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const environment = { ...process.env, LONGWAVE_HOME: path.join(root, 'home'), NO_COLOR: '1' }
  const run = async (...args: readonly string[]) => {
    const child = spawn(process.execPath, [main, ...args], { env: environment })
    child.stdin.end()
    const [stdout, stderr, [code]] = await Promise.all([
      buffer(child.stdout),
      buffer(child.stderr),
      once(child, 'exit'),
    ])
    return { code, stdout: stdout.toString(), stderr: stderr.toString() }
  }
  const ok = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(...args)
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${stderr}`)
    return stdout
  }
  const server = spawn(
    process.execPath,
    [main, 'transmitter', 'start', '--listen', '127.0.0.1:0', '--quiet'],
    { env: environment, stdio: ['ignore', 'pipe', 'ignore'] },
  )
  t.teardown(async () => {
    server.kill('SIGTERM')
    if (server.exitCode === null) await once(server, 'exit')
  })
  const [url] = (await once(createInterface(server.stdout), 'line')) as [string]
  const base = path.join(root, 'base')
  await mkdir(base)
  await writeFile(path.join(base, 'index.html'), 'one')
  const plugin = path.join(root, 'plugin.mjs')
  await writeFile(plugin, countingPlugin)
  const published = await run('publish', base, `${url}/news`, '--plugin', plugin)
  t.equal(published.code, 0)
  t.match(published.stderr, /does not allow a plug-in/)
  t.match(await ok('transmitter', 'allow-plugin', 'news', '--set', 'a=b'), /may run/)
  const channel = /channel ([0-9a-f]{64})|#([0-9a-f]{64})/.exec(published.stdout)
  await ok('subscribe', `${url}/news#${channel?.[1] ?? channel?.[2] ?? ''}`)
  await ok('feedback', 'news', 'the new menu is fine')
  const data = path.join(root, 'report.json')
  await writeFile(data, '{"clicks":3}')
  t.match(
    await ok('feedback', 'news', '--file', data, '--type', 'application/json'),
    /2 entries wait/,
  )
  t.match(await ok('status', 'news'), /2 waiting/)
  await ok('update', 'news')
  const reply = path.join(root, 'home', 'tuner', 'channels', 'news', 'data', 'reply')
  t.equal(JSON.parse(await readFile(reply, 'utf8')).seen, 2)
  const exported = (await ok('feedback', '--export', `${url}/news`)).trim().split('\n')
  t.same(
    exported.map((line) => JSON.parse(line).text),
    ['the new menu is fine', '{"clicks":3}'],
  )
  const rest = await ok('feedback', '--export', `${url}/news`, '--after', '1')
  t.equal(rest.trim().split('\n').length, 1)
  t.equal((await run('feedback', 'nowhere', 'x')).code, 10)
  t.equal((await run('feedback', '--export', `${url}/news`, '--token', 'wrong')).code, 12)
  const large = path.join(root, 'large')
  await writeFile(large, Buffer.alloc(64 * 1024 + 1))
  t.equal((await run('feedback', 'news', '--file', large)).code, 2)
})
