import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { parseChannelAddress } from '../../protocol/index.ts'
import { createPublisher, type PublishSummary } from '../../publisher/index.ts'
import { createRepeater, type Repeater, type RepeaterOptions } from '../../repeater/index.ts'
import { createLogger } from '../../serving/index.ts'
import { createTransmitter, type Transmitter } from '../../transmitter/index.ts'
import { createTransport, type Transport } from '../../transport/index.ts'
import { Tuner, type TunerOptions } from '../../tuner/index.ts'
import { LightTuner } from './light-tuner.ts'

/** Files by path. */
export type Files = Readonly<Record<string, string | Uint8Array>>

export interface RunningRepeater {
  readonly repeater: Repeater
  readonly url: string
  readonly directory: string
  stop(): Promise<void>
}

/** An origin with a publisher, and whatever repeaters and tuners a test adds. */
export class RepeaterBench implements AsyncDisposable {
  readonly root: string
  readonly transport: Transport
  readonly #ends: (() => Promise<unknown>)[] = []
  #transmitter: Transmitter | undefined
  #port = 0
  #count = 0
  url = ''

  private constructor(root: string) {
    this.root = root
    // Tests do not wait for servers that are down on purpose.
    const retry = { attemptsMax: 2, connectAttemptsMax: 1, backoffBaseMs: 20 }
    this.transport = createTransport({ userAgent: 'longwave-test', retry })
  }

  static async open(): Promise<RepeaterBench> {
    const bench = new RepeaterBench(await mkdtemp(path.join(os.tmpdir(), 'lw-repeater-')))
    await bench.startOrigin()
    return bench
  }

  get home(): string {
    return path.join(this.root, 'home')
  }

  /** Starts the origin, on the port that it had before when there was one. */
  async startOrigin(): Promise<void> {
    this.#transmitter = createTransmitter({
      directory: path.join(this.home, 'transmitter'),
      listen: { host: '127.0.0.1', port: this.#port },
      logger: createLogger({ name: 'origin', level: 'silent' }),
    })
    this.url = await this.#transmitter.start()
    this.#port = Number(new URL(this.url).port)
  }

  /** Resolves when the origin makes nothing in the background any more. */
  async idle(): Promise<void> {
    await this.#transmitter?.idle()
  }

  async stopOrigin(): Promise<void> {
    await this.#transmitter?.stop()
  }

  async publish(
    name: string,
    files: Files,
    options: Record<string, unknown> = {},
  ): Promise<PublishSummary> {
    const directory = path.join(this.root, 'base', name)
    await rm(directory, { recursive: true, force: true })
    for (const [file, content] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(directory, file)), { recursive: true })
      await writeFile(path.join(directory, file), content)
    }
    const publisher = createPublisher({ home: this.home, transport: this.transport })
    return publisher.publish({ directory, channel: `${this.url}/${name}`, ...options })
  }

  /** The token that the origin's own home holds. */
  async token(): Promise<string> {
    const file = path.join(this.home, 'transmitter', 'publish-token')
    return (await readFile(file, 'utf8')).trim()
  }

  async repeater(options: Partial<RepeaterOptions> = {}): Promise<RunningRepeater> {
    const directory = options.directory ?? path.join(this.root, `repeater-${++this.#count}`)
    const transport = createTransport({ userAgent: 'longwave-test' })
    const repeater = createRepeater({
      directory,
      origin: this.url,
      transport,
      listen: { host: '127.0.0.1', port: 0 },
      logger: createLogger({ name: 'repeater', level: 'silent' }),
      ...options,
    })
    const url = await repeater.start()
    const stop = async (): Promise<void> => {
      await repeater.stop()
      await transport.stop()
    }
    this.#ends.push(stop)
    return { repeater, url, directory, stop }
  }

  /** Asks again and again until something holds; each question is a request of its own. */
  async until(holds: () => Promise<boolean>): Promise<void> {
    while (!(await holds())) await new Promise((resolve) => setImmediate(resolve))
  }

  /** A whole tuner with a home of its own. */
  async realTuner(name: string, options: Partial<TunerOptions> = {}): Promise<Tuner> {
    const home = path.join(this.root, name)
    const tuner = new Tuner({ home, transport: this.transport, ...options })
    await tuner.start()
    this.#ends.push(() => tuner.stop())
    return tuner
  }

  /** A file of a whole tuner's current generation. */
  readCurrent(tuner: string, channel: string, file: string): Promise<string> {
    const current = path.join(this.root, tuner, 'tuner', 'channels', channel, 'current')
    return readFile(path.join(current, file), 'utf8')
  }

  /** A reader of one channel. */
  tuner(name: string, summary: PublishSummary): LightTuner {
    return new LightTuner({
      address: addressAt(this.url, summary),
      directory: path.join(this.root, name),
      transport: this.transport,
    })
  }

  async close(): Promise<void> {
    for (const end of this.#ends.reverse()) await end()
    // First, so that no connection is left whose client will never say another word.
    await this.transport.stop()
    await this.stopOrigin()
    await rm(this.root, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** The address that a subscription to a channel at another server has. */
export function addressAt(server: string, summary: PublishSummary) {
  const { name, channelId } = parseChannelAddress(summary.link ?? '')
  return parseChannelAddress(`${server}/${name}#${channelId}`)
}
