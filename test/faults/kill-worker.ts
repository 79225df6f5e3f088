// A process that works on a store until it is killed. It prints a line after each step that it
// was told is durable; kill-child.ts starts it.
import path from 'node:path'
import { type ChannelName, digestOf } from '../../protocol/index.ts'
import { openDeviceRecords } from '../../store/device-records/index.ts'
import { acquireLock, nodeFileSystem, writeFileDurably } from '../../store/durable-files/index.ts'
import { createFileObjectStore } from '../../store/objects/index.ts'
import { openServerRecords } from '../../store/server-records/index.ts'
import { commitOf } from '../contract/server-records.ts'

const [work, directory] = process.argv.slice(2)
if (work === undefined || directory === undefined) throw new TypeError('usage: WORK DIRECTORY')

const works: Readonly<Record<string, (directory: string) => Promise<void>>> = {
  async lock(directory) {
    await acquireLock(nodeFileSystem, directory)
    say('held')
    setInterval(() => undefined, 1000)
  },
  async file(directory) {
    for (let step = 0; ; step++) {
      const bytes = Buffer.alloc(50_000, `${step} `)
      await writeFileDurably(nodeFileSystem, path.join(directory, 'file'), bytes)
      say(step)
    }
  },
  async objects(directory) {
    const store = createFileObjectStore({ directory })
    for (let step = 0; ; step++) {
      const group = Array.from({ length: 20 }, (_, at) => Buffer.from(`object ${step} ${at}`))
      await store.receiveMany(
        group.map((bytes) => ({ digest: digestOf(bytes), size: bytes.length, source: [bytes] })),
      )
      say(step)
    }
  },
  async 'server-records'(directory) {
    const records = await openServerRecords({ url: `sqlite:${path.join(directory, 'records.db')}` })
    for (let release = 1; ; release++) {
      const texts = Array.from({ length: 300 }, (_, at) => `object ${release >> (at % 4)} ${at}`)
      const outcome = await records.releases.commit(commitOf('news' as ChannelName, release, texts))
      if (outcome.outcome === 'committed') say(release)
    }
  },
  async 'device-records'(directory) {
    const records = await openDeviceRecords({ directory })
    const space = records.space<{ step: number; text: string }>('steps')
    for (let step = 0; ; step++) {
      const value = { step, text: 'x'.repeat(step % 5000) }
      const changes = [space.putting('newest', value), space.putting(`step-${step}`, value)]
      await records.batch(changes, { sync: step % 2 === 0 })
      say(step)
    }
  },
}

function say(text: string | number): void {
  process.stdout.write(`${text}\n`)
}

const run = works[work]
if (run === undefined) throw new TypeError(`no such work: ${work}`)
await run(directory)
