// What does the proxy cost? Cached objects against nginx proxy_cache, the wait of those who ask
// while a download is under way, and the memory of idle tuners.
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Agent, Pool, request } from 'undici'
import { hasNginx } from '../objects/nginx.ts'
import { hasWrk } from '../support/load.ts'
import { printTable, runRounds } from '../support/rounds.ts'
import { type ServerProcess, startNodeServer } from '../support/server-process.ts'
import { measureHerd } from './herd.ts'
import { connectIdleTuners, residentBytes } from './idle-tuners.ts'
import { startCachingNginx } from './nginx.ts'

// `node main.js [ROUNDS]`, or `node main.js herd` for the herd alone.
const isHerdAlone = process.argv[2] === 'herd'
const rounds = isHerdAlone ? 0 : Number(process.argv[2] ?? 3)
const here = path.dirname(fileURLToPath(import.meta.url))
const temporary = mkdtempSync(path.join(os.tmpdir(), 'longwave-bench-'))
const folder = path.join(temporary, 'objects')
mkdirSync(folder)
const peer = 'nginx proxy_cache'

function makeObject(bytes: number): string {
  const content = randomBytes(bytes)
  const digest = createHash('sha256').update(content).digest('hex')
  writeFileSync(path.join(folder, digest), content)
  return digest
}

/** A server and how its paths begin. */
interface Contender {
  readonly server: ServerProcess
  readonly prefix: string
}

async function compare(contenders: readonly Contender[], digest: string, connections: number) {
  const load = { headers: {}, seconds: 2, status: 200, connections }
  return runRounds(
    contenders.map(({ server, prefix }) => ({
      server,
      load: { ...load, path: `${prefix}/site/objects/${digest}` },
    })),
    rounds,
  )
}

/** Time to the first and the last byte of eight askers, the second to eighth 300 ms later. */
async function askWhileFilling({ server, prefix }: Contender, digest: string) {
  const dispatcher = new Agent({ connections: 16 })
  const url = `${server.url}${prefix}/slow/objects/${digest}`
  const askOnce = async () => {
    const started = performance.now()
    const answer = await request(url, { dispatcher })
    let first = 0
    for await (const _chunk of answer.body) first ||= performance.now() - started
    return { first, last: performance.now() - started }
  }
  const one = askOnce()
  await new Promise((resolve) => setTimeout(resolve, 300))
  const others = await Promise.all(Array.from({ length: 7 }, askOnce))
  await one
  await dispatcher.destroy()
  const worst = Math.max(...others.map(({ first }) => first))
  const last = Math.max(...others.map((other) => other.last))
  console.log(
    `${server.name.padEnd(24)}first byte after ${worst.toFixed(0).padStart(6)} ms, ` +
      `last after ${last.toFixed(0).padStart(6)} ms`,
  )
}

/** Update requests of 400 bytes, 2,000 at a time; the client is this process. */
async function measureUpdates({ server, prefix }: Contender): Promise<void> {
  const pool = new Pool(server.url, { connections: 100, pipelining: 10 })
  const body = randomBytes(400)
  const headers = { 'content-type': 'application/json', 'longwave-tuner': 'a'.repeat(130) }
  const path = `${prefix}/site/update`
  const round = async (count: number) => {
    await Promise.all(
      Array.from({ length: count }, async () => {
        const options = { method: 'POST', path, headers, body, idempotent: true, blocking: false }
        const answer = await pool.request(options as Parameters<typeof pool.request>[0])
        if (answer.statusCode !== 200) throw new Error(`answered ${answer.statusCode}`)
        await answer.body.dump()
      }),
    )
  }
  await round(2000)
  const cpu = server.cpuMicroseconds()
  const started = performance.now()
  for (let lap = 0; lap < 5; lap++) await round(2000)
  const spent = (server.cpuMicroseconds() - cpu) / 10_000
  const seconds = (performance.now() - started) / 1000
  console.log(
    `${server.name.padEnd(24)}${spent.toFixed(0)} µs CPU each, 10,000 in ${seconds.toFixed(1)} s`,
  )
  await pool.destroy()
}

async function measureIdle({ server, prefix }: Contender, pid: number): Promise<void> {
  const target = `${prefix}/site/trust/timestamp.json`
  const warm = await connectIdleTuners(server.url, target, 500)
  const before = residentBytes(pid)
  const count = 5000
  const sockets = await connectIdleTuners(server.url, target, count)
  const bytes = residentBytes(pid) - before
  console.log(
    `${(bytes / count / 1000).toFixed(1)} KB for each of ${count} idle tuners (at most 13)`,
  )
  for (const socket of [...warm, ...sockets]) socket.destroy()
}

/** The process that listens on a port of this machine, from its URL's status document. */
async function pidOf(server: ServerProcess): Promise<number> {
  const answer = await request(`${server.url}/-/metrics`)
  const text = await answer.body.text()
  const rss = Number(/^process_resident_memory_bytes (\d+)/m.exec(text)?.[1])
  if (!(rss > 0)) throw new Error('the proxy tells no memory')
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
  for (const child of children.trim().split(' ').map(Number)) {
    const command = readFileSync(`/proc/${child}/cmdline`, 'utf8')
    if (command.includes(path.join('proxy', 'server.js'))) return child
  }
  throw new Error('the proxy is no child of this process')
}

async function compareAll(): Promise<void> {
  console.log(`Proxy, ${rounds} rounds by turns`)
  console.log(hasWrk() ? 'Load by wrk.' : 'wrk is missing: this process makes the load itself.')
  const [small, large, slow] = [64 * 1024, 8 * 1024 * 1024, 8 * 1024 * 1024].map(makeObject)
  await using origin = await startNodeServer('origin', path.join(here, 'origin.js'), [folder])
  await using proxy = await startNodeServer('longwave proxy', path.join(here, 'server.js'), [
    path.join(temporary, 'proxy'),
    origin.url,
  ])
  const ours = { server: proxy, prefix: `/-/via/${encodeURIComponent(origin.url)}` }
  await using nginx = hasNginx()
    ? await startCachingNginx(path.join(temporary, 'nginx'), origin.url)
    : undefined
  if (nginx === undefined) console.log('nginx is missing (apt-get install nginx-light): no ratios.')
  const contenders = nginx === undefined ? [ours] : [{ server: nginx, prefix: '' }, ours]
  printTable(
    '64 KiB, cached, 64 connections (at most 3)',
    await compare(contenders, small ?? '', 64),
    peer,
  )
  printTable(
    '8 MiB, cached, 8 connections (at most 3)',
    await compare(contenders, large ?? '', 8),
    peer,
  )
  console.log('\n8 MiB that take the origin 2 s: seven askers, 300 ms after the first')
  for (const contender of contenders) await askWhileFilling(contender, slow ?? '')
  console.log('\nUpdate requests through the proxy')
  for (const contender of contenders) await measureUpdates(contender)
  console.log('\nMemory')
  await measureIdle(ours, await pidOf(proxy))
}

try {
  if (!isHerdAlone) await compareAll()
  const counts = process.argv.slice(3).map(Number)
  await measureHerd(temporary, counts.length === 0 ? undefined : counts)
} finally {
  rmSync(temporary, { recursive: true, force: true })
}
