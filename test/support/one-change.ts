import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { once } from 'node:events'
import { type ChannelName, parseChannelAddress } from '../../protocol/index.ts'
import { createPublisher } from '../../publisher/index.ts'
import { createLogger } from '../../serving/index.ts'
import { createTransmitter } from '../../transmitter/index.ts'
import { createTransport } from '../../transport/index.ts'
import { Tuner } from '../../tuner/index.ts'
import { startWireCounter } from './wire-count.ts'

/** What one changed file of many cost. */
export interface OneChange {
  readonly form: 'live' | 'static'
  readonly files: number
  /** Bytes at the socket, headers and metadata included. */
  readonly up: number
  readonly down: number
  /** What the tuner says of it. */
  readonly route: string
  readonly bytes: Readonly<Record<string, number>>
  readonly seconds: number
  /** The update that finds nothing new. */
  readonly idleBytes: number
}

const step = 500
/** Different contents: what counts here is the list of files, not what is in them. */
const contents = 200

function textOf(file: number): string {
  return `content ${(file * 7919) % contents}\n`
}

async function writeFiles(base: string, files: number): Promise<void> {
  for (let at = 0; at < files; at += step) {
    const folder = path.join(base, `folder-${at / step}`)
    await mkdir(folder, { recursive: true })
    const count = Math.min(step, files - at)
    await Promise.all(
      Array.from({ length: count }, (_, index) =>
        writeFile(path.join(folder, `file-${index}.txt`), textOf(at + index)),
      ),
    )
  }
}

/** A web server that knows nothing but files. */
async function startPlainServer(folder: string): Promise<Server> {
  const server = createServer((request, response) => {
    const file = path.join(
      folder,
      decodeURIComponent(new URL(request.url ?? '/', 'http://a').pathname),
    )
    stat(file).then(
      (stats) => {
        if (!stats.isFile()) return response.writeHead(404).end()
        response.writeHead(200, { 'content-length': stats.size })
        return createReadStream(file).pipe(response)
      },
      () => response.writeHead(404).end(),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** Publishes many files, changes one, and counts at the socket what a tuner's update takes. */
export async function measureOneChange(options: {
  readonly form: 'live' | 'static'
  readonly files: number
}): Promise<OneChange> {
  const { form, files } = options
  const root = await mkdtemp(path.join(os.tmpdir(), 'lw-wire-'))
  const ends: (() => Promise<unknown>)[] = [() => rm(root, { recursive: true, force: true })]
  try {
    const home = path.join(root, 'home')
    const base = path.join(root, 'base')
    const out = path.join(root, 'www')
    await mkdir(out)
    await writeFiles(base, files)
    const transport = createTransport({ userAgent: 'longwave-test' })
    ends.push(() => transport.stop())
    const publisher = createPublisher({ home, transport })
    const transmitter = createTransmitter({
      directory: path.join(home, 'transmitter'),
      listen: { host: '127.0.0.1', port: 0 },
      logger: createLogger({ name: 'test', level: 'silent' }),
    })
    const isLive = form === 'live'
    let url: string
    if (isLive) {
      url = await transmitter.start()
      ends.push(() => transmitter.stop())
    } else {
      const server = await startPlainServer(out)
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      ends.push(async () => {
        server.closeAllConnections()
        server.close()
      })
    }
    const wire = await startWireCounter(url)
    ends.push(() => wire.stop())
    const publish = async (): Promise<string | undefined> => {
      if (isLive) {
        const { link } = await publisher.publish({ directory: base, channel: `${url}/site` })
        await transmitter.idle()
        return link?.split('#')[1]
      }
      const made = await publisher.publishStatic({
        directory: base,
        name: 'site' as ChannelName,
        out,
      })
      return made.channelId
    }
    const fingerprint = await publish()
    const tuner = new Tuner({ home: path.join(root, 'tuner'), transport })
    await tuner.start()
    ends.push(() => tuner.stop())
    await tuner.subscribe({ address: parseChannelAddress(`${wire.url}/site#${fingerprint}`) })
    await writeFile(path.join(base, 'folder-0', 'file-7.txt'), 'this one changed\n')
    await publish()
    wire.take()
    const startedMs = performance.now()
    const [outcome] = await tuner.update(await tuner.select())
    const seconds = (performance.now() - startedMs) / 1000
    if (outcome?.ok !== true) throw outcome?.error ?? new Error('no outcome')
    const { up, down } = wire.take()
    await tuner.update(await tuner.select())
    const idle = wire.take()
    const { route, bytes } = outcome.result
    return {
      form,
      files,
      up,
      down,
      route: route?.kind ?? 'none',
      bytes: { ...bytes },
      seconds,
      idleBytes: idle.up + idle.down,
    }
  } finally {
    for (const end of ends.reverse()) await end()
  }
}
