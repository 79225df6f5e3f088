// Does a plug-in that behaves badly slow other channels down (S68)?
//   node dist/bench/plugins/main.js [SECONDS]
// One channel without a plug-in is polled and asked for updates all the time; beside it another
// channel's plug-in throws, loops, eats memory, or gets more feedback than there is room for. By
// turns with quiet stretches and a sound plug-in of the same load, p50 and p99 of the first channel.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createPublisher } from '../../publisher/index.ts'
import { UpdateClient } from '../../test/support/backchannel-client.ts'
import { createTransport, type Transport } from '../../transport/index.ts'
import { startNodeServer } from '../support/server-process.ts'

const seconds = Number(process.argv[2] ?? 4)
const here = path.dirname(fileURLToPath(import.meta.url))
const rounds = 3

const wild = `
export async function update(request, context) {
  const text = request.feedback[0]?.text() ?? ''
  if (text.startsWith('throw')) throw new Error('no')
  if (text.startsWith('loop')) for (;;) {}
  if (text.startsWith('memory')) { const held = []; for (;;) held.push(new Array(1e6).fill(1)) }
  return { reply: 'fine' }
}
`

type Trouble = 'quiet' | 'sound' | 'throw' | 'loop' | 'memory' | 'flood'
const troubles: readonly Trouble[] = ['throw', 'loop', 'memory', 'flood']

/** Sends what troubles the other channel, without end, until told to stop. */
async function makeTrouble(
  what: Trouble,
  parts: { readonly transport: Transport; readonly url: string; readonly signal: AbortSignal },
): Promise<number> {
  if (what === 'quiet') return 0
  // 60 KiB each, 60 in a request: 1 GiB is not reached in the time, but sent at full speed.
  const entry = what === 'flood' ? 'x'.repeat(60_000) : what
  const count = what === 'flood' ? 60 : 1
  let bytes = 0
  while (!parts.signal.aborted) {
    const client = new UpdateClient(parts)
    client.append(...Array.from({ length: count }, (_, at) => `${entry} ${at}`))
    await client.post().catch(() => undefined)
    bytes += entry.length * count
  }
  return bytes
}

/** Milliseconds that polls and update requests of the sound channel took, one after the other. */
async function measure(
  parts: { readonly transport: Transport; readonly url: string },
  endMs: number,
): Promise<readonly number[]> {
  const took: number[] = []
  const client = new UpdateClient(parts)
  await client.post()
  while (performance.now() < endMs) {
    const started = performance.now()
    await parts.transport.fetchBytes(`${parts.url}/trust/timestamp.json`, { bytesMax: 65_536 })
    await client.post()
    took.push(performance.now() - started)
  }
  return took
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

const root = mkdtempSync(path.join(os.tmpdir(), 'longwave-bench-'))
try {
  const home = path.join(root, 'home')
  const base = path.join(root, 'base')
  mkdirSync(base)
  writeFileSync(path.join(base, 'a.txt'), 'a')
  const script = path.join(here, '..', 'proxy', 'transmitter.js')
  const args = [path.join(home, 'transmitter'), 'wild']
  await using server = await startNodeServer('transmitter', script, args)
  const transport = createTransport({ userAgent: 'bench', connectionsPerOrigin: 4 })
  const other = createTransport({ userAgent: 'bench', connectionsPerOrigin: 4 })
  const publisher = createPublisher({ home, transport })
  await publisher.publish({ directory: base, channel: `${server.url}/sound` })
  await publisher.publish({ directory: base, channel: `${server.url}/wild`, plugin: wild })
  const samples = new Map<Trouble, number[]>()
  for (let round = 0; round < rounds; round++) {
    for (const what of ['quiet', 'sound', ...troubles] as const) {
      const abort = new AbortController()
      const wildParts = { transport: other, url: `${server.url}/wild`, signal: abort.signal }
      const trouble = makeTrouble(what, wildParts)
      const took = await measure(
        { transport, url: `${server.url}/sound` },
        performance.now() + seconds * 1000,
      )
      abort.abort()
      await trouble
      samples.set(what, [...(samples.get(what) ?? []), ...took])
    }
  }
  console.log(`${'the other plug-in'.padEnd(20)}${'p50 ms'.padStart(9)}${'p99 ms'.padStart(9)}`)
  for (const [what, took] of samples) {
    const sorted = took.toSorted((a, b) => a - b)
    const [p50, p99] = [quantile(sorted, 0.5), quantile(sorted, 0.99)]
    console.log(`${what.padEnd(20)}${p50.toFixed(2).padStart(9)}${p99.toFixed(2).padStart(9)}`)
  }
  const rss = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  console.log(`peak memory of this client ${Math.round(Number(rss) / 1024)} MiB`)
  await transport.stop()
  await other.stop()
} finally {
  rmSync(root, { recursive: true, force: true })
}
