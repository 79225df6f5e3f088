// What do repeaters take off an origin, and what does waiting for them cost a publisher?
// `node dist/bench/repeaters/main.js [--repeaters 4] [--tuners 20] [--files 60] [--file-bytes 4096]`
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import {
  type Files,
  RepeaterBench,
  type RunningRepeater,
} from '../../test/support/repeater-bench.ts'
import type { LightTuner } from '../../test/support/light-tuner.ts'

interface Figures {
  readonly repeaters: number
  readonly publishMs: number
  /** From the return of publish until every repeater serves the release. */
  readonly switchedMs: number
  readonly originFirstBytes: number
  readonly originUpdateBytes: number
  readonly tunerBytes: number
}

interface Load {
  readonly tuners: number
  readonly files: number
  readonly fileBytes: number
}

async function originBytes(bench: RepeaterBench): Promise<number> {
  const text = await (await fetch(`${bench.url}/-/metrics`)).text()
  return Number(/^longwave_object_bytes_total (\d+)/m.exec(text)?.[1])
}

/** Half of each file is text that compresses, half is not. */
function makeFiles({ files, fileBytes }: Load): Record<string, Uint8Array> {
  const half = Math.floor(fileBytes / 2)
  return Object.fromEntries(
    Array.from({ length: files }, (_, at) => [
      `data/${at}.bin`,
      Buffer.concat([randomBytes(half), Buffer.alloc(half, `file ${at} `)]),
    ]),
  )
}

/** One in ten files gets other bytes in its middle. */
function change(files: Record<string, Uint8Array>): Files {
  const next = { ...files }
  for (const [at, [name, bytes]] of Object.entries(files).entries()) {
    if (at % 10 !== 0) continue
    const copy = Buffer.from(bytes)
    randomBytes(64).copy(copy, copy.byteLength >> 2)
    next[name] = copy
  }
  return next
}

/** The server that the origin names for a tuner. */
async function serverFor(bench: RepeaterBench, number: number): Promise<string> {
  const tuner = number.toString(16).padStart(64, '0')
  const answer = await fetch(`${bench.url}/site/subscription?zone=%2B00:00&tuner=${tuner}`)
  const { repeater } = (await answer.json()) as { readonly repeater?: string | null }
  return `${repeater ?? bench.url}/site`
}

async function untilServed(running: RunningRepeater, release: number): Promise<void> {
  for (;;) {
    const answer = await fetch(`${running.url}/site`, { headers: { accept: 'application/json' } })
    const listing = (await answer.json()) as { readonly release?: number }
    if (listing.release === release) return
  }
}

/** All at the same time, as after a notice; the origin and its repeaters do the work here as well. */
async function fetchAll(
  tuners: ReadonlyMap<LightTuner, string>,
  bench: RepeaterBench,
): Promise<void> {
  const work = async ([tuner, server]: readonly [LightTuner, string]): Promise<void> => {
    const trust = await tuner.poll(server, server !== `${bench.url}/site`)
    await tuner.fetch([server, `${bench.url}/site`], trust)
  }
  await Promise.all([...tuners].map(work))
}

async function measure(repeaters: number, load: Load): Promise<Figures> {
  await using bench = await RepeaterBench.open()
  const files = makeFiles(load)
  const first = await bench.publish('site', { 'index.html': 'zero' })
  const token = await bench.token()
  const running: RunningRepeater[] = []
  for (let number = 0; number < repeaters; number++) running.push(await bench.repeater({ token }))
  for (const { repeater } of running) await repeater.sync()
  const attributes =
    repeaters === 0
      ? {}
      : { repeaters: running.map(({ url }) => ({ url })), assignment: 'round-robin' }
  await bench.publish('site', files, { attributes, waitSeconds: 60 })
  const servers = new Map<LightTuner, string>()
  for (let number = 0; number < load.tuners; number++) {
    servers.set(bench.tuner(`tuner-${number}`, first), await serverFor(bench, number))
  }
  // What is made once for everybody (bundles, compressed forms) is no part of the question.
  await bench.idle()
  const before = await originBytes(bench)
  await fetchAll(servers, bench)
  const between = await originBytes(bench)
  const startMs = performance.now()
  const summary = await bench.publish('site', change(files), { waitSeconds: 60 })
  const publishedMs = performance.now()
  await Promise.all(running.map((one) => untilServed(one, summary.release)))
  const switchedMs = performance.now() - publishedMs
  await bench.idle()
  await fetchAll(servers, bench)
  const after = await originBytes(bench)
  return {
    repeaters,
    publishMs: publishedMs - startMs,
    switchedMs,
    originFirstBytes: between - before,
    originUpdateBytes: after - between,
    tunerBytes: [...servers.keys()].reduce((sum, tuner) => sum + tuner.receivedBytes, 0),
  }
}

function line(name: string, values: readonly (number | string)[]): void {
  const cells = values.map((value) => String(value).padStart(16))
  process.stdout.write(`${name.padEnd(44)}${cells.join('')}\n`)
}

const { values } = parseArgs({
  options: {
    repeaters: { type: 'string', default: '4' },
    tuners: { type: 'string', default: '20' },
    files: { type: 'string', default: '60' },
    'file-bytes': { type: 'string', default: '4096' },
  },
})
const load: Load = {
  tuners: Number(values.tuners),
  files: Number(values.files),
  fileBytes: Number(values['file-bytes']),
}
const alone = await measure(0, load)
const shared = await measure(Number(values.repeaters), load)
const both = [alone, shared]
process.stdout.write(
  `${load.tuners} tuners, ${load.files} files of ${load.fileBytes} bytes; one in ten files changes\n`,
)
line(
  'Repeaters',
  both.map((one) => one.repeaters),
)
line(
  'Origin content bytes, first fetches',
  both.map((one) => one.originFirstBytes),
)
line(
  'Origin content bytes, one update, all in all',
  both.map((one) => one.originUpdateBytes),
)
line(
  'Bytes that all tuners received',
  both.map((one) => one.tunerBytes),
)
line(
  'publish, start to return, ms',
  both.map((one) => Math.round(one.publishMs)),
)
line(
  'from there until all serve it, ms',
  both.map((one) => Math.round(one.switchedMs)),
)
const share = shared.originUpdateBytes / Math.max(1, alone.originUpdateBytes)
process.stdout.write(`Update bytes of the origin: ${(share * 100).toFixed(1)} % of those without\n`)
