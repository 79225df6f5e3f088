import { cp, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { ChannelName } from '../../protocol/index.ts'
import type { MirrorContext } from '../../repeater/context.ts'
import { ChannelMirror } from '../../repeater/mirror/index.ts'
import { type FileSystem, nodeFileSystem } from '../../store/durable-files/index.ts'
import { createFileObjectStore } from '../../store/objects/index.ts'
import { openServerRecords } from '../../store/server-records/index.ts'
import { createTransport, systemClock } from '../../transport/index.ts'
import { RepeaterBench } from '../support/repeater-bench.ts'
import type { FaultMode } from './fault-file-system.ts'
import { type SweepResult, sweepFaults } from './sweep-faults.ts'

const name = 'site' as ChannelName

interface Point {
  readonly directory: string
}

/** One mirror over a folder, for as long as the work takes. */
async function withMirror<T>(
  bench: RepeaterBench,
  directory: string,
  fs: FileSystem,
  work: (mirror: ChannelMirror, context: MirrorContext) => Promise<T>,
): Promise<T> {
  const transport = createTransport({ userAgent: 'longwave-test' })
  const records = await openServerRecords({ url: `sqlite:${path.join(directory, 'records.db')}` })
  try {
    const context: MirrorContext = {
      fs,
      directory,
      records,
      objects: createFileObjectStore({ directory, fileSystem: fs }),
      transport,
      clock: systemClock,
      origin: { url: bench.url, token: undefined },
      received: { metadata: 0, content: 0 },
      signal: new AbortController().signal,
      onServed: async () => undefined,
      onRelease: async () => undefined,
    }
    return await work(new ChannelMirror(context, { name, channelId: undefined }), context)
  } finally {
    await records.close()
    await transport.stop()
  }
}

/** The release that is served, when every byte that it and its kind refer to is right. */
async function servedRelease({ records, objects }: MirrorContext): Promise<number | undefined> {
  for await (const { digest } of records.retention.referenced()) {
    if ((await objects.verify(digest)) !== 'sound') return undefined
  }
  return (await records.channels.find(name))?.headRelease
}

/**
 * Breaks a mirror's step from release 1 to release 2 at every mutating file operation. Afterwards
 * what is served must be one of the two, whole, and the next run must reach the second.
 */
export async function sweepMirror(options: {
  readonly modes?: readonly FaultMode[]
  readonly stride?: number
}): Promise<SweepResult> {
  const bench = await RepeaterBench.open()
  const template = await mkdtemp(path.join(os.tmpdir(), 'lw-mirror-'))
  try {
    const files = Object.fromEntries(
      Array.from({ length: 8 }, (_, at) => [`file-${at}.txt`, `one ${at} `.repeat(200)]),
    )
    await bench.publish(name, { ...files, 'same.txt': 'never changes' })
    await withMirror(bench, template, nodeFileSystem, (mirror) => mirror.sync())
    const changed = { 'file-1.txt': 'two\n'.repeat(300), 'new.txt': 'new in two' }
    await bench.publish(name, { ...files, ...changed, 'same.txt': 'never changes' })
    return await sweepFaults<Point>({
      ...options,
      async prepare() {
        const directory = await mkdtemp(path.join(os.tmpdir(), 'lw-mirror-point-'))
        // SQLite's own files beside the database come and go with the last statement that is collected.
        const filter = (file: string) => !/-(?:shm|wal)$/.test(file)
        await cp(template, directory, { recursive: true, filter })
        return { directory }
      },
      act: (fs, { directory }) => withMirror(bench, directory, fs, (mirror) => mirror.sync()),
      check: ({ directory }) =>
        withMirror(bench, directory, nodeFileSystem, async (mirror, context) => {
          const before = await servedRelease(context)
          if (before !== 1 && before !== 2) return 'mixed'
          await mirror.sync()
          if ((await servedRelease(context)) !== 2) return 'mixed'
          return before === 1 ? 'old' : 'new'
        }),
      cleanUp: ({ directory }) => rm(directory, { recursive: true, force: true }),
    })
  } finally {
    await bench.close()
    await rm(template, { recursive: true, force: true })
  }
}
