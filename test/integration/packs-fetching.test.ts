import { randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { brotliCompressSync, constants, createBrotliCompress } from 'node:zlib'
import t from 'tap'
import { fetchObjects, StagingArea } from '../../mirroring/index.ts'
import { digestOf, limits } from '../../protocol/index.ts'
import { nodeFileSystem } from '../../store/durable-files/index.ts'
import { createTransport, systemClock } from '../../transport/index.ts'
import { honestly, type PackBehaviour, startPackServer } from '../support/pack-server.ts'

type Test = { teardown(work: () => unknown): void }

const count = 40

/** Text that differs from object to object, and packs well. */
function makeContents(): Buffer[] {
  return Array.from({ length: count }, (_, at) => Buffer.from(`object ${at}\n`.repeat(50 + at)))
}

async function stageFetch(t: Test, contents: readonly Buffer[] = makeContents()) {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'lw-packs-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const server = await startPackServer(t, contents)
  const transport = createTransport({
    userAgent: 'longwave-test',
    retry: { attemptsMax: 1 },
    timeouts: { stallMs: 300 },
  })
  t.teardown(() => transport.stop())
  const staging = new StagingArea({ directory, fileSystem: nodeFileSystem })
  await staging.open()
  const offer = { objectsMax: limits.packObjectsMax, bytesMax: limits.packBytesMax }
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  const done: number[] = []
  return {
    server,
    staging,
    done,
    abort: () => controller.abort(new Error('enough')),
    totalBytes: contents.reduce((sum, { byteLength }) => sum + byteLength, 0),
    fetch: () =>
      fetchObjects(
        {
          transport,
          sources: [server.url],
          staging,
          clock: systemClock,
          signal: controller.signal,
          onProgress: ({ doneBytes }) => done.push(doneBytes),
        },
        server.objects,
        { url: server.url, offer },
      ),
    /** Whether staging holds exactly the objects, each with its bytes. */
    async isComplete(): Promise<boolean> {
      const names = await readdir(path.join(directory, 'objects'))
      if (names.length !== server.objects.length) return false
      for (const name of names) {
        const bytes = await readFile(path.join(directory, 'objects', name))
        if (digestOf(bytes) !== name) return false
      }
      return true
    },
  }
}

t.test('small objects come in one request, compressed, and are counted', async (t) => {
  const { server, fetch, isComplete, totalBytes, done } = await stageFetch(t)
  const received = await fetch()
  t.ok(await isComplete())
  t.strictSame(server.asked, { packs: 1, singles: 0 })
  t.ok(received > 0 && received < totalBytes / 5, `${received} of ${totalBytes} bytes`)
  t.equal(done.length, count)
  t.equal(done.at(-1), totalBytes, 'the progress ends at the whole')
})

t.test('packs that go on in several are asked for at the same time', async (t) => {
  const { server, fetch, isComplete } = await stageFetch(
    t,
    Array.from({ length: 5000 }, (_, at) => Buffer.from(`number ${at}`)),
  )
  await fetch()
  t.ok(await isComplete())
  t.strictSame(server.asked, { packs: 3, singles: 0 })
})

t.test('C5: of a pack that breaks what came is kept, and only the rest is asked for', async (t) => {
  const contents = Array.from({ length: count }, () => randomBytes(20_000))
  const { server, fetch, isComplete } = await stageFetch(t, contents)
  const lengths: number[] = []
  server.behave((question) => {
    lengths.push(question.digests.length)
    if (question.number > 1) return honestly(question)
    const { response } = question
    const packed = brotliCompressSync(Buffer.concat(question.contents))
    response.write(packed.subarray(0, packed.byteLength / 2), () => response.destroy())
  })
  await fetch()
  t.ok(await isComplete())
  t.equal(server.asked.singles, 0)
  t.equal(lengths.length, 2)
  t.ok((lengths[1] ?? count) < count, `${lengths[1]} were asked for again`)
})

t.test('a server that is busy is asked again when it says so', async (t) => {
  const { server, fetch, isComplete } = await stageFetch(t)
  server.behave((question) => {
    if (question.number === 2) return honestly(question)
    question.response.writeHead(503, { 'retry-after': '0' }).end()
  })
  await fetch()
  t.ok(await isComplete())
  t.strictSame(server.asked, { packs: 2, singles: 0 })
})

/** Sends as fast as they are taken, for ever. */
function flood(response: NodeJS.WritableStream, chunk: Buffer): void {
  const more = (): void => {
    while (response.writable && response.write(chunk));
  }
  response.on('drain', more)
  more()
}

const hostile: Readonly<Record<string, PackBehaviour>> = {
  'knows no packs': ({ response }) => response.writeHead(404).end(),
  'takes no such request': ({ response }) => response.writeHead(405).end(),
  'is busy for long': ({ response }) => response.writeHead(503, { 'retry-after': '600' }).end(),
  'is busy whenever it is asked': ({ response }) =>
    response.writeHead(503, { 'retry-after': '0' }).end(),
  fails: ({ response }) => response.writeHead(500).end(),
  'sends nothing': ({ response }) => response.end(),
  'sends a page': ({ response }) => response.end('<html>Log in first</html>'),
  'sends an object less': ({ response, contents }) =>
    response.end(brotliCompressSync(Buffer.concat(contents.slice(0, -1)))),
  'sends a byte more': ({ response, contents }) =>
    response.end(brotliCompressSync(Buffer.concat([...contents, Buffer.alloc(1)]))),
  'sends another order': ({ response, contents }) =>
    response.end(brotliCompressSync(Buffer.concat([...contents].reverse()))),
  'changes a byte': ({ response, contents }) => {
    const bytes = Buffer.concat(contents)
    bytes[bytes.byteLength >> 1] = 0
    response.end(brotliCompressSync(bytes))
  },
  'sends no compressed stream': ({ response, contents }) => response.end(Buffer.concat(contents)),
  'breaks off before the first object': ({ response }) =>
    response.write('x', () => response.destroy()),
  'breaks off whenever it is asked': ({ response, contents }) => {
    const packed = brotliCompressSync(Buffer.concat(contents))
    response.write(packed.subarray(0, -3), () => response.destroy())
  },
  'says nothing more in the middle': ({ response, contents }) => {
    const encoder = createBrotliCompress()
    encoder.pipe(response)
    encoder.write(contents[0])
    encoder.flush(constants.BROTLI_OPERATION_FLUSH)
  },
  'never answers': () => undefined,
  'sends without end': ({ response }) => flood(response, Buffer.alloc(65_536, 'x')),
  'unpacks without end': ({ response, contents }) => {
    const encoder = createBrotliCompress()
    encoder.pipe(response)
    // It compresses to nearly nothing, so that nothing else would end it.
    response.on('close', () => encoder.destroy())
    for (const bytes of contents) encoder.write(bytes)
    flood(encoder, Buffer.alloc(1 << 20))
  },
}

for (const [what, behaviour] of Object.entries(hostile)) {
  t.test(`R23: a server that ${what} is asked for single objects`, async (t) => {
    const { server, fetch, isComplete } = await stageFetch(t)
    server.behave(behaviour)
    const received = await fetch()
    t.ok(await isComplete(), 'all is here, and nothing that is not what it should be')
    t.ok(server.asked.packs <= 4, `${server.asked.packs} packs were asked for`)
    t.ok(received < 1_000_000, `${received} bytes were taken`)
  })
}

t.test('wrong bytes are adopted by nobody, and a pack is not asked for again', async (t) => {
  const { server, fetch, isComplete } = await stageFetch(t)
  server.behave(({ response, contents }) =>
    response.end(brotliCompressSync(Buffer.alloc(Buffer.concat(contents).byteLength, 'x'))),
  )
  await fetch()
  t.ok(await isComplete())
  t.strictSame(server.asked, { packs: 1, singles: count })
})

t.test('who gives up while a pack comes waits for nothing', async (t) => {
  const { server, fetch, abort, staging } = await stageFetch(t)
  server.behave(({ response, contents }) => {
    const encoder = createBrotliCompress()
    encoder.pipe(response)
    encoder.write(contents[0])
    encoder.flush(constants.BROTLI_OPERATION_FLUSH, abort)
  })
  await t.rejects(fetch(), { message: 'enough' })
  t.equal(server.asked.singles, 0)
  t.ok(server.objects.filter(({ sha256 }) => staging.has(sha256)).length <= 1)
})
