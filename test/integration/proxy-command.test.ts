import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { request as ask } from 'undici'
import { type FakeOrigin, startFakeOrigin } from '../support/proxy-origin.ts'

const main = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../cli/main.js')

interface Started {
  readonly url: string
  readonly child: ChildProcess
}

/** Starts `longwave proxy start` and reads the first line that it prints. */
async function startCommand(
  t: Test,
  home: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Started> {
  const child = spawn(process.execPath, [main, 'proxy', 'start', '--home', home, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...environment },
  })
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const [first] = (await once(child.stdout, 'data')) as [Buffer]
  return { url: first.toString().split('\n')[0] ?? '', child }
}

async function originWith(t: Test): Promise<FakeOrigin> {
  const origin = await startFakeOrigin()
  t.teardown(async () => origin[Symbol.asyncDispose]())
  origin.on('/site/trust/timestamp.json', (_request, response) => {
    response.writeHead(200, { etag: '"1"', 'cache-control': 'public, max-age=0, s-maxage=5' })
    response.end('{"signed":{"channel":"c"}}')
  })
  return origin
}

function via(started: Started, origin: FakeOrigin, rest: string): string {
  return `${started.url}/-/via/${encodeURIComponent(origin.url)}/site/${rest}`
}

async function temporary(t: Test): Promise<string> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'lw-proxy-command-'))
  t.teardown(() => rm(home, { recursive: true, force: true }))
  return home
}

t.test(
  'longwave proxy start: its first line is its URL, and it ends when it is told',
  async (t) => {
    const origin = await originWith(t)
    const home = await temporary(t)
    const args = [
      '--listen',
      '127.0.0.1:0',
      '--origin',
      origin.url,
      '--origin',
      'http://127.0.0.1:9',
    ]
    const started = await startCommand(t, home, args)
    t.match(started.url, /^http:\/\/127\.0\.0\.1:\d+$/)
    const health = await ask(`${started.url}/-/health`)
    t.match(await health.body.json(), { status: 'ok', service: 'proxy' })
    const metrics = await (await ask(`${started.url}/-/metrics`)).body.text()
    for (const name of ['hit_rate', 'bytes_saved', 'upstream_connections', 'askers_waiting']) {
      t.match(metrics, `longwave_proxy_${name} 0`)
    }
    t.equal((await ask(via(started, origin, 'trust/timestamp.json'))).statusCode, 200)
    started.child.kill('SIGTERM')
    const [code] = await once(started.child, 'exit')
    t.equal(code, 0)
  },
)

t.test('longwave proxy start: origins from the environment', async (t) => {
  const origin = await originWith(t)
  const home = await temporary(t)
  const started = await startCommand(t, home, ['--listen', '127.0.0.1:0'], {
    LONGWAVE_ORIGIN: `http://127.0.0.1:9 ${origin.url}/`,
  })
  t.equal((await ask(via(started, origin, 'trust/timestamp.json'))).statusCode, 200)
})

t.test('S57: without a list nothing is reached', async (t) => {
  const origin = await originWith(t)
  const started = await startCommand(t, await temporary(t), ['--listen', '127.0.0.1:0'])
  const answer = await ask(via(started, origin, 'trust/timestamp.json'))
  t.equal(answer.statusCode, 403)
  t.match(await answer.body.json(), { code: 'LW_PROXY_ORIGIN' })
  t.equal(origin.seen.length, 0)
})

t.test('R36: killed again and again while it fills, it never serves a wrong byte', async (t) => {
  const origin = await originWith(t)
  const home = await temporary(t)
  const objects = Array.from({ length: 6 }, (_, at) => randomBytes(50_000 + at * 400_000))
  const digests = objects.map((bytes) => origin.object(bytes))
  const args = ['--listen', '127.0.0.1:0', '--origin', origin.url]
  const missing = new Set(digests.keys())
  for (let life = 0; life < 5; life++) {
    const started = await startCommand(t, home, args)
    let whole = 0
    await Promise.allSettled(
      digests.map(async (digest, at) => {
        const answer = await ask(via(started, origin, `objects/${digest}`))
        const got = Buffer.from(await answer.body.arrayBuffer())
        if (answer.statusCode !== 200) return
        t.ok(got.equals(objects[at] as Buffer), 'what looks whole is right')
        missing.delete(at)
        whole += 1
        if (whole > life) started.child.kill('SIGKILL')
      }),
    )
    started.child.kill('SIGKILL')
    if (started.child.exitCode === null && started.child.signalCode === null) {
      await once(started.child, 'exit')
    }
  }
  const last = await startCommand(t, home, args)
  for (const [at, digest] of digests.entries()) {
    const answer = await ask(via(last, origin, `objects/${digest}`))
    t.ok(Buffer.from(await answer.body.arrayBuffer()).equals(objects[at] as Buffer))
    missing.delete(at)
  }
  t.equal(missing.size, 0, 'all of them are there in the end')
})
