import { randomBytes } from 'node:crypto'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { sweepMirror } from '../faults/mirror-sweep.ts'
import { RepeaterBench } from '../support/repeater-bench.ts'

t.test('R11: a mirror that breaks off at any step serves one release, whole', async (t) => {
  const result = await sweepMirror({ stride: Number(process.env['LONGWAVE_SWEEP_STRIDE'] ?? 17) })
  t.equal(result.mixed, 0, result.mixedPoints.join(', '))
  t.ok(result.points >= 15, `${result.points} points`)
  t.ok(result.old > 0, 'some broke off before the switch')
})

const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

/** `longwave repeater start` as a process of its own. */
async function startProcess(home: string, origin: string, token: string) {
  const args = [main, 'repeater', 'start', '--origin', origin, '--listen', '127.0.0.1:0']
  const child = spawn(process.execPath, [...args, '--home', home, '--token', token, '--quiet'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const lines = createInterface({ input: child.stdout })
  const [url] = (await once(lines, 'line')) as [string]
  return {
    url,
    async kill() {
      const ended = once(child, 'close')
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function untilServed(url: string, release: number): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/site`, { headers: { accept: 'application/json' } })
    const listing = answer.ok ? ((await answer.json()) as { release?: number }) : {}
    if (listing.release === release) return
    await new Promise((resolve) => setImmediate(resolve))
  }
}

t.test('C67 R35: kill -9 of a repeater in the middle of a download', async (t) => {
  const bench = await RepeaterBench.open()
  t.teardown(() => bench.close())
  const large = randomBytes(24 * 1024 * 1024)
  const first = await bench.publish('site', { 'a.bin': large, 'b.txt': 'small' })
  const home = path.join(bench.root, 'repeater-home')
  const token = await bench.token()
  const child = await startProcess(home, bench.url, token)
  await untilServed(child.url, 1)

  const tuner = bench.tuner('tuner', first)
  const trust = await tuner.poll(`${child.url}/site`, true)
  let killed: Promise<void> | undefined
  const before = await originBytes(bench)
  await tuner.fetch([`${child.url}/site`, `${bench.url}/site`], trust, ({ stage, doneBytes }) => {
    if (stage === 'objects' && doneBytes > 4 * 1024 * 1024) killed ??= child.kill()
  })
  t.ok(killed, 'the repeater was killed while it sent')
  await killed
  t.equal(tuner.release, 1)
  t.equal(await tuner.read('b.txt'), 'small')
  const sent = (await originBytes(bench)) - before
  t.ok(sent < large.byteLength, `the origin sent the rest only: ${sent} bytes`)

  const again = await startProcess(home, bench.url, token)
  await untilServed(again.url, 1)
  const next = await bench.publish('site', { 'a.bin': large, 'b.txt': 'second' })
  t.equal(next.release, 2)
  await untilServed(again.url, 2)
  await again.kill()
})

async function originBytes(bench: RepeaterBench): Promise<number> {
  const text = await (await fetch(`${bench.url}/-/metrics`)).text()
  return Number(/^longwave_object_bytes_total (\d+)/m.exec(text)?.[1])
}
