import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import t from 'tap'
import { ContentCache, type ContentKey, startFill } from '../../proxy/cache/index.ts'
import { createMeasures, type ProxyMeasures } from '../../proxy/measures.ts'
import { type Digest, digestOf } from '../../protocol/index.ts'
import { type FileSystem, removeTree } from '../../store/durable-files/index.ts'
import { MemoryFileSystem, sweepFaults, sweepPowerCuts } from '../faults/index.ts'

const directory = '/cache'
const objects = [0, 1, 2].map((seed) => bytesOf(seed, 300_000 + seed))
const digests = objects.map((bytes) => digestOf(bytes))

function bytesOf(seed: number, size: number): Buffer {
  return Buffer.from(
    Array.from({ length: size }, (_, at) => (at * 31 + seed * 7 + (at >> 8)) & 255),
  )
}

// Two of the three objects fit: the third one drives the first one out.
const budgetBytes = 700_000

function cacheOn(fileSystem: FileSystem, measures: ProxyMeasures = createMeasures()): ContentCache {
  return new ContentCache({ directory, fileSystem, budgetBytes, clock: { now: () => 1 }, measures })
}

/** Fills the cache as the proxy does, from an origin that sends pieces. */
async function fill(cache: ContentCache, digest: Digest, bytes: Buffer): Promise<void> {
  const body = Readable.from(
    Array.from({ length: 4 }, (_, at) => bytes.subarray(at * 100_000, (at + 1) * 100_000)),
  )
  const headers = { 'content-length': String(bytes.byteLength) }
  const running = startFill({
    key: { digest, form: 'plain' },
    origin: 'http://origin.example',
    path: '/',
    credentials: {},
    upstream: { ask: async () => ({ status: 200, headers, body }) },
    cache,
    measures: createMeasures(),
    signal: new AbortController().signal,
  })
  await running.head
  await running.done
}

async function work(fs: FileSystem): Promise<void> {
  const cache = cacheOn(fs)
  await cache.open()
  for (const [at, bytes] of objects.entries()) await fill(cache, digests[at] as Digest, bytes)
}

/** What a proxy that starts afterwards would hand out. */
async function stateOf(fs: FileSystem): Promise<'old' | 'new' | 'mixed'> {
  const measures = createMeasures()
  const cache = cacheOn(fs, measures)
  await cache.open()
  let found = 0
  for (const digest of digests) {
    const key: ContentKey = { digest, form: 'plain' }
    const entry = cache.find(key)
    if (entry === undefined) continue
    const handle = await cache.openEntry(entry)
    if (handle === undefined) return 'mixed'
    const bytes = Buffer.alloc(entry.size + 1)
    const count = await handle.read(0, bytes)
    await handle.close()
    const actual = createHash('sha256').update(bytes.subarray(0, count)).digest('hex')
    if (actual !== digest) return 'mixed'
    found += 1
  }
  if (measures.damaged > 0 || cache.bytes > budgetBytes) return 'mixed'
  return found > 0 ? 'new' : 'old'
}

t.test('R12: after a crash or error at any file operation no wrong byte is served', async (t) => {
  const memory = new MemoryFileSystem()
  const result = await sweepFaults({
    fileSystem: memory,
    prepare: () => removeTree(memory, directory),
    act: work,
    check: () => stateOf(memory),
  })
  t.comment(`${result.points} points, ${result.old} old, ${result.mixed} mixed`)
  t.ok(result.points >= 100)
  t.same(result.mixedPoints, [])
})

t.test('R12: after a power cut no entry is damaged', async (t) => {
  const result = await sweepPowerCuts({
    prepare: async () => undefined,
    act: work,
    check: async (fs, isDone) => {
      const state = await stateOf(fs)
      // An entry that is lost is fetched again: a cache promises nothing else.
      return isDone && state === 'old' ? 'new' : state
    },
  })
  t.comment(`${result.points} points, ${result.mixed} mixed`)
  t.ok(result.points >= 100)
  t.same(result.mixedPoints, [])
})
