import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import Libsql from 'libsql'
import { type ChannelName, parseChannelAddress } from '../../protocol/index.ts'
import { createPublisher } from '../../publisher/index.ts'
import { allowPlugin } from '../../transmitter/index.ts'
import { createTransport, type Transport } from '../../transport/index.ts'
import { countingPlugin } from '../support/backchannel-plugins.ts'
import { MortalServer } from './network-servers.ts'
import {
  createLightTuner,
  createRealTuner,
  type NetworkTuner,
  releaseFiles,
  rethrowUnlessOurs,
  textOf,
} from './network-tuners.ts'

export interface NetworkOptions {
  readonly seconds: number
  readonly lightTuners: number
  readonly realTuners: number
  readonly seed: number
  /** Told what happens, a line each. */
  tell?(line: string): void
}

export interface NetworkResult {
  readonly kills: Readonly<Record<string, number>>
  readonly releases: number
  readonly rounds: number
  readonly failedRounds: number
  readonly feedback: { readonly sent: number; readonly lost: number; readonly doubled: number }
  /** The same at the plug-in, in what it wrote through its transactions. */
  readonly plugin: { readonly lost: number; readonly doubled: number }
  /** Files of different releases that were seen together. */
  readonly mixed: readonly string[]
  /** Tuners that did not get the last release, or rid of their feedback, in 30 seconds. */
  readonly stuck: number
  readonly convergedMs: number
}

const channel = 'site' as ChannelName
const everyMs = 2_000
const convergeMs = 30_000

/**
 * Transmitter, repeater, proxy and plug-in are killed and started again by turns while tuners of all
 * kinds update, say something, and a publisher publishes. Then everything is left in peace.
 */
export async function simulateNetwork(options: NetworkOptions): Promise<NetworkResult> {
  const network = await Network.open(options)
  try {
    return await network.run()
  } finally {
    await network.close()
  }
}

type Servers = Readonly<Record<'transmitter' | 'repeater' | 'proxy', MortalServer>>

class Network {
  readonly #options: NetworkOptions
  readonly #root: string
  readonly #transport: Transport
  readonly #random: () => number
  readonly #mixed: string[] = []
  readonly #servers: Servers
  #tuners: readonly NetworkTuner[] = []
  #release = 0
  #published = 0
  #rounds = 0
  #failedRounds = 0
  #pluginKills = 0
  #isOver = false

  private constructor(
    options: NetworkOptions,
    root: string,
    parts: { readonly transport: Transport; readonly servers: Servers },
  ) {
    this.#options = options
    this.#root = root
    this.#transport = parts.transport
    this.#servers = parts.servers
    this.#random = seeded(options.seed)
  }

  static async open(options: NetworkOptions): Promise<Network> {
    const root = await mkdtemp(path.join(os.tmpdir(), 'lw-network-'))
    const retry = { attemptsMax: 2, connectAttemptsMax: 1, backoffBaseMs: 50 }
    const transport = createTransport({ userAgent: 'longwave-test', retry })
    const data = path.join(root, 'home', 'transmitter')
    const transmitter = new MortalServer('transmitter', data)
    const origin = await transmitter.start()
    const token = (await readFile(path.join(data, 'publish-token'), 'utf8')).trim()
    const more = [origin, token]
    const repeater = new MortalServer('repeater', path.join(root, 'repeater'), more)
    const proxy = new MortalServer('proxy', path.join(root, 'proxy'), [origin])
    const servers = { transmitter, repeater, proxy }
    const network = new Network(options, root, { transport, servers })
    await repeater.start()
    await proxy.start()
    await allowPlugin({ directory: data, channel, isAllowed: true })
    await network.#publish()
    return network
  }

  get #url(): string {
    return `${this.#servers.transmitter.url}/${channel}`
  }

  /** Publishes the next content; one that failed may be there all the same. */
  async #publish(): Promise<string> {
    this.#published += 1
    const base = path.join(this.#root, 'base')
    for (const file of releaseFiles) {
      await mkdir(path.dirname(path.join(base, file)), { recursive: true })
      const rest = `${file} `.repeat(200 + (this.#published % 7) * 100)
      await writeFile(path.join(base, file), `${textOf(this.#published)}${rest}`)
    }
    const publisher = createPublisher({
      home: path.join(this.#root, 'home'),
      transport: this.#transport,
    })
    const summary = await publisher.publish({
      directory: base,
      channel: this.#url,
      plugin: countingPlugin,
      attributes: {
        repeaters: [{ url: this.#servers.repeater.url }],
        assignment: 'round-robin',
      },
      waitSeconds: 1,
    })
    this.#release = summary.release
    return summary.link ?? ''
  }

  async run(): Promise<NetworkResult> {
    const { seconds, tell } = this.#options
    this.#tuners = await this.#createTuners()
    tell?.(`${this.#tuners.length} tuners follow release ${this.#release}`)
    const endMs = performance.now() + seconds * 1000
    const loops = [...this.#tuners.map((tuner) => this.#live(tuner)), this.#keepPublishing()]
    while (performance.now() < endMs) await this.#strike()
    this.#isOver = true
    await Promise.all(loops)
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#publish()
        break
      } catch (error) {
        rethrowUnlessOurs(error)
        if (attempt === 10) throw error
      }
    }
    const { stuck, convergedMs } = await this.#converge()
    return { ...(await this.#count()), stuck, convergedMs }
  }

  async #createTuners(): Promise<readonly NetworkTuner[]> {
    const { transmitter, repeater, proxy } = this.#servers
    const answer = await this.#transport.fetchBytes(`${this.#url}/subscription`, {
      bytesMax: 64 * 1024,
    })
    const { channel: id } = JSON.parse(answer.bytes.toString('utf8')) as { channel: string }
    const address = parseChannelAddress(`${this.#url}#${id}`)
    const via = `${proxy.url}/-/via/${encodeURIComponent(transmitter.url)}/${channel}`
    const mirror = `${repeater.url}/${channel}`
    const parts = (name: string) => ({
      name,
      address,
      directory: path.join(this.#root, 'tuners'),
      transport: this.#transport,
      onMixed: (what: string) => void this.#mixed.push(what),
    })
    const tuners: NetworkTuner[] = []
    for (let at = 0; at < this.#options.realTuners; at++) {
      const isProxied = at % 2 === 1
      tuners.push(
        await createRealTuner({
          ...parts(`real ${at}`),
          ...(isProxied ? { proxy: proxy.url } : {}),
        }),
      )
    }
    const ways = [
      { sources: [this.#url], updates: this.#url },
      { sources: [mirror, this.#url], updates: this.#url },
      { sources: [via], updates: via },
    ]
    for (let at = 0; at < this.#options.lightTuners; at++) {
      const way = ways[at % ways.length] ?? { sources: [this.#url], updates: this.#url }
      tuners.push(createLightTuner({ ...parts(`light ${at}`), ...way }))
    }
    return tuners
  }

  async #live(tuner: NetworkTuner): Promise<void> {
    while (!this.#isOver) {
      try {
        await tuner.round()
        this.#rounds += 1
      } catch (error) {
        rethrowUnlessOurs(error)
        this.#failedRounds += 1
      }
      await pause(200 + this.#random() * 1_800)
    }
  }

  async #keepPublishing(): Promise<void> {
    while (!this.#isOver) {
      await pause(2_500 + this.#random() * 1_000)
      try {
        await this.#publish()
      } catch (error) {
        rethrowUnlessOurs(error)
        this.#options.tell?.(`a publish failed: ${(error as Error).message}`)
      }
    }
  }

  /** One kill and one start. */
  async #strike(): Promise<void> {
    const targets = ['transmitter', 'repeater', 'proxy', 'plug-in'] as const
    const target = targets[Math.floor(this.#random() * targets.length)] ?? 'proxy'
    await pause(everyMs * (0.5 + this.#random()))
    if (target === 'plug-in') {
      const pid = await this.#pluginPid()
      if (pid !== undefined) {
        process.kill(pid, 'SIGKILL')
        this.#pluginKills += 1
      }
      return
    }
    const server = this.#servers[target]
    await server.kill()
    await pause(this.#random() * 500)
    await server.start()
  }

  async #admin(route: string): Promise<Buffer> {
    const data = path.join(this.#root, 'home', 'transmitter')
    const token = (await readFile(path.join(data, 'publish-token'), 'utf8')).trim()
    const answer = await this.#transport.fetchBytes(
      `${this.#servers.transmitter.url}/-/admin/${route}/${channel}`,
      { authorization: `Bearer ${token}`, bytesMax: 64 * 1024 * 1024 },
    )
    return answer.bytes
  }

  async #pluginPid(): Promise<number | undefined> {
    const status = JSON.parse((await this.#admin('plugins')).toString('utf8')) as {
      readonly health: { readonly state: string; readonly pid?: number }
    }
    return status.health.state === 'running' ? status.health.pid : undefined
  }

  async #converge(): Promise<{ readonly stuck: number; readonly convergedMs: number }> {
    const startedMs = performance.now()
    let left = [...this.#tuners]
    let convergedMs = 0
    while (left.length > 0 && convergedMs < convergeMs) {
      const still: NetworkTuner[] = []
      for (const tuner of left) {
        const goal = { release: this.#release, text: textOf(this.#published) }
        if (await tuner.isDone(goal)) continue
        still.push(tuner)
        await tuner.settle().catch(rethrowUnlessOurs)
      }
      left = still
      convergedMs = performance.now() - startedMs
    }
    return { stuck: left.length, convergedMs }
  }

  async #count(): Promise<Omit<NetworkResult, 'stuck' | 'convergedMs'>> {
    const sent = this.#tuners.flatMap(({ said }) => said)
    const lines = (await this.#admin('feedback')).toString('utf8').trim().split('\n')
    const logged = lines.map((line) => (JSON.parse(line) as { text: string }).text)
    await this.#delivered()
    const data = path.join(this.#root, 'home', 'transmitter', 'plugins', 'data', channel)
    const database = new Libsql(path.join(data, 'plugin.db'), { readonly: true })
    const rows = database.prepare('select text, times from seen').all([]) as {
      readonly text: string
      readonly times: number
    }[]
    database.close()
    const seen = rows.flatMap(({ text, times }) => Array.from({ length: times }, () => text))
    const { transmitter, repeater, proxy } = this.#servers
    return {
      kills: {
        transmitter: transmitter.kills,
        repeater: repeater.kills,
        proxy: proxy.kills,
        'plug-in': this.#pluginKills,
      },
      releases: this.#release,
      rounds: this.#rounds,
      failedRounds: this.#failedRounds,
      feedback: { sent: sent.length, ...compared(sent, logged) },
      plugin: compared(sent, seen),
      mixed: this.#mixed,
    }
  }

  /** Waits until the plug-in has had everything, as long as it makes headway. */
  async #delivered(): Promise<void> {
    const endMs = performance.now() + convergeMs
    while (performance.now() < endMs) {
      const status = JSON.parse((await this.#admin('plugins')).toString('utf8')) as {
        readonly feedback: { readonly undelivered: number }
      }
      if (status.feedback.undelivered === 0) return
      await pause(100)
    }
  }

  async close(): Promise<void> {
    this.#isOver = true
    for (const tuner of this.#tuners) await tuner.stop()
    for (const server of Object.values(this.#servers)) await server.kill()
    await this.#transport.stop()
    await rm(this.#root, { recursive: true, force: true })
  }
}

function compared(
  sent: readonly string[],
  arrived: readonly string[],
): { readonly lost: number; readonly doubled: number } {
  const distinct = new Set(arrived)
  const lost = sent.filter((text) => !distinct.has(text)).length
  return { lost, doubled: arrived.length - distinct.size }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

/** A small generator (mulberry32), so that a run can be repeated. */
function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
