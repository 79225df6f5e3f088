import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseChannelAddress } from '../../protocol/index.ts'
import { createPublisher } from '../../publisher/index.ts'
import { createLogger } from '../../serving/index.ts'
import { startWireCounter } from '../../test/support/wire-count.ts'
import { createTransmitter } from '../../transmitter/index.ts'
import { createTransport } from '../../transport/index.ts'
import { Tuner } from '../../tuner/index.ts'
import type { Step } from './steps.ts'

/** What a tuner's update from one side to the other takes on the wire. */
export interface WholeUpdate {
  /** Bodies that it received, signed metadata included. */
  readonly bodyBytes: number
  /** Of these, what is metadata. */
  readonly metadataBytes: number
  /** All that crossed the socket, both ways, headers included. */
  readonly wireBytes: number
  readonly route: string
}

/**
 * Publishes both sides as two releases and updates a tuner from one to the other.
 * @returns undefined for files: a channel is a directory
 */
export async function measureWholeUpdate(step: Step): Promise<WholeUpdate | undefined> {
  if (!(await stat(step.oldPath)).isDirectory()) return undefined
  const root = await mkdtemp(path.join(tmpdir(), 'longwave-bench-update-'))
  const home = path.join(root, 'home')
  const transport = createTransport({ userAgent: 'longwave-bench' })
  const transmitter = createTransmitter({
    directory: path.join(home, 'transmitter'),
    listen: { host: '127.0.0.1', port: 0 },
    logger: createLogger({ name: 'bench', level: 'silent' }),
  })
  const tuner = new Tuner({ home: path.join(root, 'tuner'), transport })
  const ends = [() => rm(root, { recursive: true, force: true }), () => transport.stop()]
  try {
    const url = await transmitter.start()
    ends.push(() => transmitter.stop())
    const wire = await startWireCounter(url)
    ends.push(() => wire.stop())
    const publisher = createPublisher({ home, transport })
    await publisher.publish({ directory: step.oldPath, channel: `${url}/step` })
    await tuner.start()
    ends.push(() => tuner.stop())
    await tuner.subscribe({ address: parseChannelAddress(`${wire.url}/step`) })
    await publisher.publish({ directory: step.newPath, channel: `${url}/step` })
    await transmitter.idle()
    wire.take()
    const [outcome] = await tuner.update(await tuner.select())
    const { up, down } = wire.take()
    if (outcome?.ok !== true) throw outcome?.error ?? new Error('no outcome')
    const { bytes, route } = outcome.result
    return {
      bodyBytes: Object.values(bytes).reduce((sum, some) => sum + some, 0),
      metadataBytes: bytes.metadata,
      wireBytes: up + down,
      route: route?.kind ?? 'none',
    }
  } finally {
    for (const end of ends.reverse()) await end()
  }
}
