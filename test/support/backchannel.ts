import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import Libsql from 'libsql'
import { type ChannelName, parseChannelAddress } from '../../protocol/index.ts'
import { createPublisher, type PublishOptions } from '../../publisher/index.ts'
import { createLogger } from '../../serving/index.ts'
import {
  allowPlugin,
  createTransmitter,
  type PluginTimes,
  type Transmitter,
} from '../../transmitter/index.ts'
import { createTransport, type Transport } from '../../transport/index.ts'
import { Tuner } from '../../tuner/index.ts'

interface Cleaning {
  teardown(work: () => unknown): void
}

/** A transmitter with a publisher, and tuners when they are asked for. */
export interface BackChannelFixture {
  readonly root: string
  readonly home: string
  readonly base: string
  readonly transport: Transport
  readonly transmitter: Transmitter
  readonly url: string
  /** Writes files into the base directory and publishes it. */
  publish(
    files: Readonly<Record<string, string>>,
    options?: Partial<PublishOptions>,
  ): Promise<{ readonly release: number; readonly link: string }>
  /** A started tuner with a home of its own. */
  tuner(name: string): Promise<Tuner>
  /** A tuner that follows the channel. */
  subscriber(name: string): Promise<Tuner>
  /** What an administrator does before a plug-in runs. */
  allow(how?: {
    readonly isAllowed?: boolean
    readonly settings?: Readonly<Record<string, string>>
    readonly channel?: string
  }): Promise<void>
  /** A read-only look into the plug-in's own database. */
  pluginRows(sql: string, channel?: string): readonly Record<string, unknown>[]
  /** Stops the transmitter and starts another one on the same data and port. */
  restart(): Promise<void>
  /** What `GET /-/admin/plugins/NAME` says. */
  pluginStatus(channel?: string): Promise<PluginStatus>
  /** The origin's log, as an administrator exports it. */
  exported(): Promise<readonly ExportedFeedback[]>
}

export interface PluginStatus {
  readonly feedback: { readonly entries: number; readonly undelivered: number }
  readonly health: {
    readonly state: string
    readonly pid?: number
    readonly lastFailure?: string
    readonly calls: number
    readonly failures: number
    readonly falls: number
  }
}

export interface ExportedFeedback {
  readonly position: number
  readonly tuner: string
  readonly epoch: string
  readonly sequence: number
  readonly type: string
  readonly text?: string
  readonly data?: string
}

export const channelName = 'news'

export async function backChannelFixture(
  t: Cleaning,
  pluginTimes: Partial<PluginTimes> = {},
): Promise<BackChannelFixture> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'lw-back-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const home = path.join(root, 'home')
  const base = path.join(root, 'base')
  await mkdir(base, { recursive: true })
  const transport = createTransport({ userAgent: 'longwave-test' })
  t.teardown(() => transport.stop())
  const directory = path.join(home, 'transmitter')
  const create = (port: number): Transmitter =>
    createTransmitter({
      directory,
      listen: { host: '127.0.0.1', port },
      logger: createLogger({ name: 'test', level: 'silent' }),
      pluginTimes,
    })
  let transmitter = create(0)
  const url = await transmitter.start()
  t.teardown(() => transmitter.stop())
  const admin = async (route: string, channel = channelName): Promise<string> => {
    const token = await readFile(path.join(directory, 'publish-token'), 'utf8')
    const answer = await transport.fetchBytes(`${url}/-/admin/${route}/${channel}`, {
      authorization: `Bearer ${token.trim()}`,
      bytesMax: 64 * 1024 * 1024,
    })
    return answer.bytes.toString('utf8').trimEnd()
  }
  const publisher = createPublisher({ home, transport })
  let link = ''
  const fixture: BackChannelFixture = {
    root,
    home,
    base,
    transport,
    get transmitter() {
      return transmitter
    },
    url,
    async publish(files, options = {}) {
      for (const [name, text] of Object.entries(files)) {
        await mkdir(path.dirname(path.join(base, name)), { recursive: true })
        await writeFile(path.join(base, name), text)
      }
      const summary = await publisher.publish({
        directory: base,
        channel: `${url}/${channelName}`,
        ...options,
      })
      link = summary.link ?? link
      return { release: summary.release, link }
    },
    async tuner(name) {
      const tuner = new Tuner({ home: path.join(root, name), transport })
      await tuner.start()
      t.teardown(() => tuner.stop())
      return tuner
    },
    async subscriber(name) {
      const tuner = await fixture.tuner(name)
      await tuner.subscribe({ address: parseChannelAddress(link) })
      return tuner
    },
    async allow({ isAllowed = true, settings = {}, channel = channelName } = {}) {
      await allowPlugin({ directory, channel: channel as ChannelName, isAllowed, settings })
    },
    pluginRows(sql, channel = channelName) {
      const file = path.join(directory, 'plugins', 'data', channel, 'plugin.db')
      const database = new Libsql(file)
      try {
        return database.prepare(sql).all([]) as Record<string, unknown>[]
      } finally {
        database.close()
      }
    },
    async restart() {
      await transmitter.stop()
      transmitter = create(Number(new URL(url).port))
      await transmitter.start()
    },
    pluginStatus: async (channel) => JSON.parse(await admin('plugins', channel)),
    async exported() {
      const text = await admin('feedback')
      return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line))
    },
  }
  return fixture
}

/** The one subscription of a tuner. */
export async function theSubscription(tuner: Tuner) {
  const [subscription] = await tuner.select()
  if (subscription === undefined) throw new Error('nothing is subscribed')
  return subscription
}

/** Updates a tuner's one subscription and returns what came of it. */
export async function updateOnce(tuner: Tuner) {
  const [outcome] = await tuner.update(await tuner.select())
  if (outcome?.ok !== true) throw outcome?.error
  return outcome.result
}
