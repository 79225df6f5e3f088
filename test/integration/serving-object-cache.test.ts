import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import type { Digest } from '../../protocol/index.ts'
import {
  createHttpServer,
  createLogger,
  describeObject,
  etagOfDigest,
  ObjectCache,
  type OpenedObject,
} from '../../serving/index.ts'
import { createTransport } from '../../transport/index.ts'

const transport = createTransport({ userAgent: 'test', retry: { attemptsMax: 1 } })
t.teardown(() => transport.stop())

/** A server whose objects lie in a map, and a note of what was opened, closed and damaged. */
async function serveMap(objects: Map<string, Buffer>) {
  const server = createHttpServer({ logger: createLogger({ name: 'test', level: 'silent' }) })
  const notes = { opened: 0, closed: 0, damaged: [] as string[] }
  const cache = new ObjectCache({
    sender: server.objects,
    answerError: server.answerError,
    onDamaged: (key) => notes.damaged.push(key),
  })
  const open = async (key: string): Promise<OpenedObject | undefined> => {
    if (key === 'throws') throw new Error('hunter2')
    const bytes = objects.get(key)
    if (bytes === undefined) return undefined
    notes.opened += 1
    const digest = key as Digest
    const facts = { size: bytes.length, etag: etagOfDigest(digest), mime: 'a/b', immutable: true }
    const reader = {
      async read(position: number, into: Uint8Array) {
        return bytes.copy(into, 0, position)
      },
      close() {
        notes.closed += 1
      },
    }
    return { object: describeObject({ ...facts, digest }), source: { kind: 'reader', reader } }
  }
  server.hot.addMatcher((path) => (request, response, headers) => {
    cache.send({ request, response }, path.slice(1), () => open(path.slice(1)), headers)
    return true
  })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  return { server, cache, notes, url }
}

function objectOf(size: number): readonly [string, Buffer] {
  const bytes = randomBytes(size)
  return [createHash('sha256').update(bytes).digest('hex'), bytes]
}

t.test('a small object is opened once and then comes from memory', async (t) => {
  const [digest, bytes] = objectOf(1000)
  const { server, notes, url, cache } = await serveMap(new Map([[digest, bytes]]))
  for (let at = 0; at < 3; at += 1) {
    const got = await transport.fetchBytes(`${url}/${digest}`, { bytesMax: 1e4 })
    t.ok(got.bytes.equals(bytes))
  }
  const part = await transport.fetchBytes(`${url}/${digest}`, {
    bytesMax: 1e4,
    headers: { range: 'bytes=-7' },
    acceptStatus: [206],
  })
  t.ok(part.bytes.equals(bytes.subarray(-7)))
  t.match(notes, { opened: 1, closed: 1 })
  t.equal(cache.memory.bytes, 1000)
  await server.stop()
})

t.test('a large object is streamed each time and never kept', async (t) => {
  const [digest, bytes] = objectOf(700_000)
  const { server, notes, url, cache } = await serveMap(new Map([[digest, bytes]]))
  for (let at = 0; at < 2; at += 1) {
    const got = await transport.fetchBytes(`${url}/${digest}`, { bytesMax: 1e6 })
    t.ok(got.bytes.equals(bytes))
  }
  t.match(notes, { opened: 2, closed: 2 })
  t.equal(cache.memory.bytes, 0)
  await server.stop()
})

t.test('R22: a damaged small object is reported and not served', async (t) => {
  const [digest, bytes] = objectOf(1000)
  for (const damaged of [flipped(bytes), bytes.subarray(1), Buffer.alloc(0)]) {
    const { server, notes, url } = await serveMap(new Map([[digest, damaged]]))
    const got = transport.fetchBytes(`${url}/${digest}`, { bytesMax: 1e4 })
    await t.rejects(got, { code: 'LW_SERVE_OBJECT_DAMAGED', exit: 75 })
    t.same(notes.damaged, [digest])
    t.equal(notes.closed, notes.opened)
    await server.stop()
  }
})

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  copy[500] = (copy[500] ?? 0) ^ 1
  return copy
}

t.test('what is not there is 404; a fault of the store is 500 without its words', async (t) => {
  const { server, url } = await serveMap(new Map())
  await t.rejects(transport.fetchBytes(`${url}/none`, { bytesMax: 99 }), {
    code: 'LW_SERVE_NOT_FOUND',
    exit: 10,
  })
  const got = await transport.fetchBytes(`${url}/throws`, { bytesMax: 999, acceptStatus: [500] })
  t.match(JSON.parse(got.bytes.toString()), { code: 'LW_SERVE_INTERNAL' })
  t.notMatch(got.bytes.toString(), /hunter2/)
  await server.stop()
})
