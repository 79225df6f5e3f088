import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { type ChannelAddress, parseChannelAddress } from '../../protocol/index.ts'
import { createPublisher } from '../../publisher/index.ts'
import { createLogger } from '../../serving/index.ts'
import { createTransmitter } from '../../transmitter/index.ts'
import { createTransport, type Transport, type TransportClock } from '../../transport/index.ts'
import { Tuner, type TunerOptions } from '../../tuner/index.ts'

/** What a test tells apart: `teardown` runs last first. */
interface Test {
  teardown(work: () => unknown): void
}

/** Real services for a tuner's tests: a transmitter, a publisher's directory, homes. */
export interface TunerStage {
  /** Removed at the end. */
  readonly root: string
  /** `http://127.0.0.1:PORT/site` */
  readonly channel: string
  readonly transport: Transport
  /** Publishes these files, and nothing else; returns the address with the fingerprint. */
  publish(
    files: Readonly<Record<string, string>>,
    options?: Readonly<Record<string, unknown>>,
  ): Promise<ChannelAddress>
  /** Starts a tuner; one home unless another is named. */
  tuner(options?: Partial<TunerOptions>): Promise<Tuner>
  /** A file of the tuner's copy. */
  read(file: string): Promise<string>
  readonly home: string
}

export async function openTunerStage(t: Test): Promise<TunerStage> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'lw-tuner-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const base = path.join(root, 'base')
  const home = path.join(root, 'tuner-home')
  const transmitter = createTransmitter({
    directory: path.join(root, 'home', 'transmitter'),
    listen: { host: '127.0.0.1', port: 0 },
    logger: createLogger({ name: 'test', level: 'silent' }),
  })
  const url = await transmitter.start()
  t.teardown(() => transmitter.stop())
  const transport = createTransport({ userAgent: 'longwave-test' })
  t.teardown(() => transport.stop())
  const publisher = createPublisher({ home: path.join(root, 'home'), transport })
  const channel = `${url}/site`
  let link = ''
  return {
    root,
    channel,
    transport,
    home,
    async publish(files, options = {}) {
      await rm(base, { recursive: true, force: true })
      for (const [name, text] of Object.entries(files)) {
        await mkdir(path.dirname(path.join(base, name)), { recursive: true })
        await writeFile(path.join(base, name), text)
      }
      const published = await publisher.publish({ directory: base, channel, ...options })
      link = published.link ?? link
      return parseChannelAddress(link)
    },
    async tuner(options = {}) {
      const tuner = new Tuner({ home, transport, ...options })
      await tuner.start()
      t.teardown(() => tuner.stop())
      return tuner
    },
    read: (file) => readFile(path.join(home, 'tuner/channels/site/current', file), 'utf8'),
  }
}

/** A clock that a test sets; who sleeps is told by `slept` and woken by `advance`. */
export class TestClock implements TransportClock {
  #now: number
  readonly #sleepers = new Set<{ readonly atMs: number; readonly wake: () => void }>()
  readonly #watchers: (() => void)[] = []

  constructor(startMs: number) {
    this.#now = startMs
  }

  now(): number {
    return this.#now
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason)
      const sleeper = { atMs: this.#now + ms, wake: resolve }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper)
        reject(signal.reason)
      })
      for (const watcher of this.#watchers.splice(0)) watcher()
    })
  }

  /** Resolves when somebody sleeps (from now on, or already). */
  slept(): Promise<void> {
    if (this.#sleepers.size > 0) return Promise.resolve()
    return new Promise((resolve) => this.#watchers.push(resolve))
  }

  advance(ms: number): void {
    this.#now += ms
    for (const sleeper of [...this.#sleepers]) {
      if (sleeper.atMs > this.#now) continue
      this.#sleepers.delete(sleeper)
      sleeper.wake()
    }
  }
}
