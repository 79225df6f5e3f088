import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { type FileSystem, nodeFileSystem } from '../../store/durable-files/index.ts'
import { systemClock } from '../../transport/index.ts'
import { GenerationStore } from '../../tuner/generations/index.ts'
import { updateGenerations } from '../../tuner/updates/index.ts'
import { channelId, channelUrl, makeRelease } from '../support/memory-channel.ts'
import { memoryTransport } from '../support/memory-transport.ts'

interface Point {
  readonly options: string
  readonly isFolder: boolean
  readonly code: string
  readonly needed?: number
  readonly state: 'old' | 'new' | 'mixed'
  readonly grown: number
}

/** Whether file systems can be mounted here, in a namespace of our own. */
function mayMount(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

t.test('R18: an update is refused before the download, in numbers', async (t) => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'lw-space-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const pages = new Map<string, Uint8Array>()
  const release = makeRelease(1, { 'a.bin': Buffer.alloc(3_000_000, 'x'), 'b.txt': 'b' }, pages)
  const asked: string[] = []
  const transport = memoryTransport(pages)
  const tight: FileSystem = {
    ...nodeFileSystem,
    statfs: async () => ({
      freeBytes: 17_000_000,
      totalBytes: 20_000_000,
      freeNames: 0,
      totalNames: 0,
    }),
  }
  const store = new GenerationStore({ fs: tight, directory: root })
  await store.recover()
  const update = updateGenerations(
    {
      fs: tight,
      clock: systemClock,
      sources: [channelUrl],
      transport: {
        ...transport,
        fetchToSink: (url, options) => {
          asked.push(String(url))
          return transport.fetchToSink(url, options)
        },
      },
    },
    {
      subscription: {
        id: 'demo',
        name: 'demo',
        url: channelUrl,
        channel: channelId,
        firstUse: 'pinned',
        addedAt: '2026-01-01T00:00:00Z',
      },
      store,
      head: release.head,
      kept: 3,
    },
  )
  const needed = 3_000_001 + 16 * 1024 * 1024
  await t.rejects(update, {
    code: 'LW_TUNER_DISK_SPACE',
    members: { neededBytes: needed, freeBytes: 17_000_000 },
    message: new RegExp(`needs ${needed} bytes, 17000000 are free`),
  })
  t.strictSame(asked, [], 'no content was asked for')
})

const isSkipped = !mayMount() && process.env['LONGWAVE_CI'] !== '1'
const skip = isSkipped && 'no disk was full: file systems cannot be mounted here'

t.test('R18 R4: full disks of every size, by bytes and by names', { skip }, async (t) => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'lw-full-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const worker = fileURLToPath(new URL('../faults/full-disk-worker.js', import.meta.url))
  const text = execFileSync('unshare', ['-m', process.execPath, worker, root], {
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  })
  const points = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Point)
  t.ok(points.length >= 38, `${points.length} disks`)
  t.strictSame(
    points.filter((point) => point.state === 'mixed'),
    [],
    'old or new',
  )
  const failed = points.filter((point) => point.code !== 'none')
  t.ok(failed.length > 10, `${failed.length} of them were too small`)
  t.strictSame(
    failed.filter((point) => point.code !== 'LW_TUNER_DISK_SPACE' || point.needed === undefined),
    [],
    'each says how many bytes it needs',
  )
  t.strictSame(
    failed.filter((point) => point.state === 'old' && point.grown > 64 * 1024),
    [],
    'the room is given back',
  )
})
