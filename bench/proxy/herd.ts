// The example of Castanet's white paper: tuners of one company behind one proxy, a file that changes
// every hour, and feedback of each for the plug-in on the transmitter. Real processes throughout.
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import type { ProxyStatus } from '../../proxy/index.ts'
import { createPublisher } from '../../publisher/index.ts'
import { createTransport } from '../../transport/index.ts'
import { createTunerIdentity, signRequest } from '../../trust/index.ts'
import { type ServerProcess, startNodeServer } from '../support/server-process.ts'
import { sendBurst } from './burst-client.ts'

const here = path.dirname(fileURLToPath(import.meta.url))
const channel = 'hourly'

const plugin = `
export function init(context) {
  context.database.exec('CREATE TABLE seen (id TEXT PRIMARY KEY, text TEXT)')
}
export async function update(request, context) {
  await context.transaction((db, entries) => {
    for (const entry of entries) db.run('INSERT INTO seen VALUES (?, ?)', entry.id, entry.text())
  })
}
`

interface Parts {
  readonly transmitter: ServerProcess
  readonly proxy: ServerProcess
  readonly home: string
  readonly channelId: string
  /** The file that changes. */
  readonly digest: string
}

/** Runs the example with 1,000 tuners, then 10,000 update requests at once. */
export async function measureHerd(
  folder: string,
  counts: readonly number[] = [1_000, 10_000],
): Promise<void> {
  const home = path.join(folder, 'herd')
  const base = path.join(folder, 'hourly')
  mkdirSync(base, { recursive: true })
  const file = randomBytes(256 * 1024)
  writeFileSync(path.join(base, 'prices.dat'), file)
  const directory = path.join(home, 'transmitter')
  const script = (name: string) => path.join(here, name)
  await using transmitter = await startNodeServer('transmitter', script('transmitter.js'), [
    directory,
    channel,
  ])
  await using proxy = await startNodeServer('proxy', script('server.js'), [
    path.join(folder, 'herd-proxy'),
    transmitter.url,
  ])
  const channelId = await publish(home, base, transmitter.url)
  const digest = createHash('sha256').update(file).digest('hex')
  const parts = { transmitter, proxy, home, channelId, digest }
  console.log('\nUpdate requests with one entry of feedback each, through the proxy, to a plug-in')
  console.log(
    `${'requests'.padEnd(12)}${'seconds'.padStart(9)}${'errors'.padStart(8)}` +
      `${'CPU proxy'.padStart(11)}${'transmitter'.padStart(13)}${'plug-in'.padStart(9)}` +
      `${'crossings'.padStart(11)}${'connections'.padStart(13)}${'in log'.padStart(8)}${'at plug-in'.padStart(12)}`,
  )
  let sent = 0
  for (const count of counts) {
    sent += count
    await round(parts, count, sent)
  }
}

async function publish(home: string, base: string, url: string): Promise<string> {
  const transport = createTransport({ userAgent: 'bench' })
  try {
    const { link = '' } = await createPublisher({ home, transport }).publish({
      directory: base,
      channel: `${url}/${channel}`,
      plugin,
    })
    return /#([0-9a-f]{64})/.exec(link)?.[1] ?? ''
  } finally {
    await transport.stop()
  }
}

async function round(parts: Parts, count: number, total: number): Promise<void> {
  const { transmitter, proxy, digest } = parts
  const prefix = `/-/via/${encodeURIComponent(transmitter.url)}/${channel}`
  const host = new URL(proxy.url).host
  const requests = Array.from({ length: count }, () => postOf(parts.channelId, prefix, host))
  const before = { proxy: proxy.cpuMicroseconds(), transmitter: transmitter.cpuMicroseconds() }
  const pluginBefore = pluginCpu(parts)
  let errors = 0
  const ms = await sendBurst({
    url: proxy.url,
    requests,
    // Every tuner has its own: all ask at once, and nobody waits for another one's answer.
    connections: requests.length,
    onAnswer: (_at, status) => {
      if (status !== 200) errors += 1
    },
  })
  const spent = {
    proxy: proxy.cpuMicroseconds() - before.proxy,
    transmitter: transmitter.cpuMicroseconds() - before.transmitter,
    plugin: pluginCpu(parts) - pluginBefore,
  }
  const get = Buffer.from(`GET ${prefix}/objects/${digest} HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
  await sendBurst({
    url: proxy.url,
    requests: Array.from({ length: 1_000 }, () => get),
    connections: 1_000,
    onAnswer: (_at, status, body) => {
      if (status !== 200 || body.byteLength !== 256 * 1024) errors += 1
    },
  })
  const status = (await (await request(`${proxy.url}/-/status`)).body.json()) as ProxyStatus
  const { feedback } = await pluginStatus(parts)
  const seconds = (microseconds: number) => (microseconds / 1e6).toFixed(2)
  console.log(
    String(count).padEnd(12) +
      (ms / 1000).toFixed(2).padStart(9) +
      String(errors).padStart(8) +
      seconds(spent.proxy).padStart(11) +
      seconds(spent.transmitter).padStart(13) +
      seconds(spent.plugin).padStart(9) +
      String(status.measures.objectMisses).padStart(11) +
      String(status.measures.upstreamConnectionsOpened).padStart(13) +
      String(feedback.entries - total + count).padStart(8) +
      String(feedback.entries - feedback.undelivered - total + count).padStart(12),
  )
}

function postOf(channelId: string, prefix: string, host: string): Buffer {
  const { tunerId, keys } = createTunerIdentity()
  const entry = {
    sequence: 1,
    nonce: randomBytes(8).toString('hex'),
    at: '2026-01-01T00:00:00Z',
    type: 'text/plain',
    data: Buffer.from('clicks: 3').toString('base64'),
  }
  const body = Buffer.from(
    JSON.stringify({
      format: 'longwave-update-1',
      channel: channelId,
      request: randomBytes(16).toString('hex'),
      tuner: tunerId,
      manifest: null,
      release: 0,
      rootVersion: 1,
      zoneMinutes: 60,
      formats: [],
      feedback: { epoch: randomBytes(16).toString('hex'), entries: [entry] },
    }),
  )
  const head =
    `POST ${prefix}/update HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\n` +
    `longwave-tuner: ${signRequest(body, keys)}\r\ncontent-length: ${body.byteLength}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

interface PluginStatus {
  readonly feedback: { readonly entries: number; readonly undelivered: number }
}

async function pluginStatus({ transmitter, home }: Parts): Promise<PluginStatus> {
  const token = readFileSync(path.join(home, 'transmitter', 'publish-token'), 'utf8').trim()
  const answer = await request(`${transmitter.url}/-/admin/plugins/${channel}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  return (await answer.body.json()) as PluginStatus
}

/** CPU time of the plug-in's process in microseconds, found by its working folder. */
function pluginCpu({ home }: Parts): number {
  const data = path.join(home, 'transmitter', 'plugins', 'data', channel)
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('plugin-worker')) continue
      if (readlinkSync(`/proc/${pid}/cwd`) !== data) continue
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return (Number(fields[11]) + Number(fields[12])) * 10_000
    } catch {
      // It has ended meanwhile.
    }
  }
  return 0
}
