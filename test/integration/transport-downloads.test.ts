import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import {
  createBandwidthLimit,
  createTransport,
  type SinkRequest,
  type Transport,
  type TransportOptions,
} from '../../transport/index.ts'
import {
  type ChaosBehaviour,
  type ChaosReply,
  honestObject,
  startChaosServer,
} from '../support/chaos-server.ts'

function transportOf(options: Partial<TransportOptions> = {}): Transport {
  return createTransport({
    userAgent: 'longwave-test',
    retry: { attemptsMax: 4, backoffBaseMs: 1 },
    clock: { now: () => Date.now(), sleep: async () => undefined },
    random: () => 0.5,
    ...options,
  })
}

/** A sink that keeps everything. */
function memorySink() {
  let chunks: Buffer[] = []
  let restarts = 0
  return {
    write(chunk: Uint8Array) {
      chunks.push(Buffer.from(chunk))
    },
    async restart() {
      chunks = []
      restarts += 1
    },
    bytes: () => Buffer.concat(chunks),
    restarts: () => restarts,
  }
}

/** Downloads from a behaviour; gives what arrived, the report or error, and the requests. */
async function download(behaviour: ChaosBehaviour, options: Partial<SinkRequest> = {}) {
  await using server = await startChaosServer(behaviour)
  const transport = transportOf()
  const sink = memorySink()
  const request = { bytesMax: 1e9, sink, ...options }
  const outcome = await transport.fetchToSink(server.url, request).then(
    (report) => ({ report, code: 'ok' }),
    (error: { code?: string }) => ({ report: undefined, code: error.code ?? String(error) }),
  )
  await transport.stop()
  return { ...outcome, sink, requests: [...server.requests], sent: server.sentBytes() }
}

const object = randomBytes(300_000)

t.test('a download ends with its bytes, its tag and what it cost', async (t) => {
  const seen: number[] = []
  const got = await download(honestObject(object), {
    expectedBytes: object.length,
    onProgress: ({ offset, total, receivedBytes }) => {
      t.equal(total, object.length)
      t.equal(receivedBytes, offset)
      seen.push(offset)
    },
  })
  t.ok(got.sink.bytes().equals(object))
  t.same(got.report, {
    bytes: object.length,
    etag: '"honest"',
    receivedBytes: object.length,
    resumedFrom: 0,
    restarts: 0,
  })
  t.equal(seen.at(-1), object.length)
  t.notOk(got.requests[0]?.headers['range'])
})

t.test('C41: a broken download continues where it stopped, at 200 offsets', async (t) => {
  const small = randomBytes(4000)
  const honest = honestObject(small)
  let wrong = 0
  for (let at = 0; at < 4000; at += 20) {
    const got = await download(
      (request) => ({
        ...honest(request),
        ...(request.number === 1
          ? { cutBodyAt: at, cutBy: at % 40 === 0 ? 'reset' : 'close' }
          : {}),
      }),
      { expectedBytes: 4000 },
    )
    const second = got.requests[1]?.headers
    // A reset may discard bytes that were on their way; an orderly close may not.
    const resumed = at === 0 ? undefined : `bytes=${at}-`
    const asked = at % 40 === 0 || second?.['range'] === resumed
    if (!got.sink.bytes().equals(small) || got.requests.length !== 2 || !asked) wrong += 1
    if (got.sink.restarts() !== 0) wrong += 1
  }
  t.equal(wrong, 0)
})

t.test('R25: many resets in one download are survived as long as it gets further', async (t) => {
  const big = randomBytes(2_000_000)
  const honest = honestObject(big)
  const got = await download(
    (request) => ({ ...honest(request), cutBodyAt: 100_000, cutBy: 'close' }),
    { expectedBytes: big.length },
  )
  t.ok(got.sink.bytes().equals(big))
  t.equal(got.requests.length, 20)
  t.equal(got.report?.receivedBytes, big.length, 'no byte came twice')
})

t.test('a server that breaks without getting further is given up', async (t) => {
  const honest = honestObject(object)
  const got = await download((request) => ({ ...honest(request), cutBodyAt: 10 }), {
    expectedBytes: object.length,
  })
  t.equal(got.code, 'LW_TRANSFER_BROKEN')
  t.equal(got.requests.length, 4)
})

t.test('a server that starts over each time is given up, too', async (t) => {
  const got = await download(() => ({ kind: 'answer', body: object, cutBodyAt: 200_000 }), {
    expectedBytes: object.length,
    immutable: true,
  })
  t.equal(got.code, 'LW_TRANSFER_BROKEN')
  t.ok(got.requests.length <= 5, String(got.requests.length))
})

t.test('C41: a resume point from an earlier run is used with If-Range', async (t) => {
  const got = await download(honestObject(object), {
    expectedBytes: object.length,
    resume: { offset: 1000, etag: '"honest"' },
  })
  t.ok(got.sink.bytes().equals(object.subarray(1000)))
  t.equal(got.requests[0]?.headers['if-range'], '"honest"')
  t.equal(got.report?.resumedFrom, 1000)
})

t.test('bytes that changed since are fetched whole again', async (t) => {
  const got = await download(honestObject(object), {
    expectedBytes: object.length,
    resume: { offset: 1000, etag: '"older"' },
  })
  t.equal(got.sink.restarts(), 1)
  t.ok(got.sink.bytes().equals(object))
})

t.test('without any tag only immutable bytes are continued', async (t) => {
  const plain = await download(honestObject(object), { resume: { offset: 1000 } })
  t.equal(plain.requests[0]?.headers['range'], undefined)
  t.equal(plain.sink.restarts(), 1)
  const weak = await download(honestObject(object), { resume: { offset: 1000, etag: 'W/"x"' } })
  t.equal(weak.requests[0]?.headers['range'], undefined)
  const immutable = await download(honestObject(object), {
    immutable: true,
    resume: { offset: 1000 },
  })
  t.equal(immutable.requests[0]?.headers['range'], 'bytes=1000-')
  t.ok(immutable.sink.bytes().equals(object.subarray(1000)))
})

t.test('a server without ranges answers with the whole: the sink starts over', async (t) => {
  const got = await download(() => ({ kind: 'answer', body: object }), {
    immutable: true,
    expectedBytes: object.length,
    resume: { offset: 1000 },
  })
  t.equal(got.sink.restarts(), 1)
  t.ok(got.sink.bytes().equals(object))
})

t.test('what is complete already is not asked for', async (t) => {
  const got = await download(() => ({ kind: 'silent' }), {
    expectedBytes: 500,
    resume: { offset: 500, etag: '"x"' },
  })
  t.equal(got.code, 'ok')
  t.equal(got.requests.length, 0)
  const unknown = await download(honestObject(object), {
    immutable: true,
    resume: { offset: object.length },
  })
  t.equal(unknown.code, 'ok', 'a 416 with the length that is held means complete')
  t.equal(unknown.sink.restarts(), 0)
})

t.test('wrong parts are found out and the whole is fetched once', async (t) => {
  const total = object.length
  const wrong: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'another start': { 'content-range': `bytes 0-${total - 1}/${total}` },
    'no Content-Range': {},
    malformed: { 'content-range': 'bytes 1000-/x' },
    'another length of the part': { 'content-range': `bytes 1000-1004/${total}` },
    'another tag': { 'content-range': `bytes 1000-${total - 1}/${total}`, etag: '"other"' },
    multipart: { 'content-type': 'multipart/byteranges; boundary=x' },
  }
  for (const [name, headers] of Object.entries(wrong)) {
    const got = await download(
      (request) =>
        request.headers['range'] === undefined
          ? { kind: 'answer', body: object }
          : { kind: 'answer', status: 206, headers, body: object.subarray(1000) },
      { expectedBytes: total, resume: { offset: 1000, etag: '"honest"' } },
    )
    t.equal(got.code, 'ok', name)
    t.equal(got.requests.length, 2, name)
    t.ok(got.sink.bytes().equals(object), name)
  }
})

t.test('a server that gives parts nobody asked for is refused', async (t) => {
  const headers = { 'content-range': `bytes 0-9/${object.length}` }
  const got = await download(() => ({
    kind: 'answer',
    status: 206,
    headers,
    body: object.subarray(0, 10),
  }))
  t.equal(got.code, 'LW_TRANSFER_RANGE')
  const unasked = await download(() => ({ kind: 'answer', status: 416 }))
  t.equal(unasked.code, 'LW_TRANSFER_ANSWER')
  const empty = await download(() => ({ kind: 'answer', status: 204 }))
  t.equal(empty.code, 'LW_TRANSFER_ANSWER')
})

t.test('parts that are shorter than asked for add up; tiny ones are given up', async (t) => {
  const by =
    (bytes: number): ChaosBehaviour =>
    (request) => {
      const first = Number(/bytes=(\d+)-/.exec(request.headers['range'] ?? '')?.[1] ?? 0)
      const last = Math.min(first + bytes, object.length) - 1
      const headers = { 'content-range': `bytes ${first}-${last}/${object.length}` }
      return { kind: 'answer', status: 206, headers, body: object.subarray(first, last + 1) }
    }
  const options = { expectedBytes: object.length, immutable: true, resume: { offset: 1 } }
  const got = await download(by(100_000), options)
  t.ok(got.sink.bytes().equals(object.subarray(1)))
  t.equal(got.requests.length, 3)
  const tiny = await download(by(1), options)
  t.equal(tiny.code, 'LW_TRANSFER_CUT')
  t.equal(tiny.requests.length, 4)
})

t.test('S6: more bytes than expected are given up at the first one too many', async (t) => {
  const replies: Readonly<Record<string, ChaosReply>> = {
    announced: { kind: 'answer', body: Buffer.alloc(1001) },
    chunked: { kind: 'answer', body: Buffer.alloc(1001), chunked: true },
    endless: { kind: 'answer', body: Buffer.alloc(65_536), chunked: true, endless: true },
    unframed: { kind: 'answer', body: Buffer.alloc(65_536), contentLength: null, endless: true },
  }
  for (const [name, reply] of Object.entries(replies)) {
    const got = await download(() => reply, { expectedBytes: 1000, bytesMax: 1000 })
    t.equal(got.code, 'LW_TRANSFER_ENDLESS', name)
    t.ok(got.sink.bytes().length <= 1000, `${name}: the sink never holds more than allowed`)
    t.equal(got.requests.length, 1, name)
  }
  const large = await download(() => ({ kind: 'silent' }), { expectedBytes: 10, bytesMax: 9 })
  t.equal(large.code, 'LW_TRANSFER_ENDLESS')
  t.equal(large.requests.length, 0)
})

t.test('a part of something longer or shorter than expected is refused', async (t) => {
  for (const total of [999, 1001, 1e15]) {
    const headers = { 'content-range': `bytes 10-19/${total}` }
    const got = await download(
      () => ({ kind: 'answer', status: 206, headers, body: Buffer.alloc(10) }),
      { expectedBytes: 1000, immutable: true, resume: { offset: 10 } },
    )
    t.equal(got.code, 'LW_TRANSFER_LENGTH', String(total))
    t.equal(got.sink.bytes().length, 0)
  }
})

t.test('a whole answer that is too short is never written', async (t) => {
  const got = await download(() => ({ kind: 'answer', body: 'short' }), { expectedBytes: 100 })
  t.equal(got.code, 'LW_TRANSFER_CUT')
  t.equal(got.sink.bytes().length, 0)
})

t.test('an empty object needs no request; an unknown length may be nothing', async (t) => {
  const known = await download(() => ({ kind: 'silent' }), { expectedBytes: 0 })
  t.equal(known.code, 'ok')
  const unknown = await download(() => ({ kind: 'answer', body: '' }))
  t.equal(unknown.code, 'ok')
  t.equal(unknown.report?.bytes, 0)
})

t.test('a fault of the sink ends the download at once, unchanged', async (t) => {
  const full = Object.assign(new Error('no space'), { code: 'ENOSPC', retryable: true })
  for (const write of [
    () => {
      throw full
    },
    async () => {
      throw full
    },
  ]) {
    await using server = await startChaosServer(honestObject(object))
    const transport = transportOf()
    const sink = { write, restart: async () => undefined }
    const got = transport.fetchToSink(server.url, { bytesMax: 1e6, sink })
    await t.rejects(got, full)
    t.equal(server.requests.length, 1)
    await transport.stop()
  }
})

t.test('a slow sink holds the server back instead of filling memory', async (t) => {
  const block = Buffer.alloc(1024 * 1024)
  await using server = await startChaosServer(() => ({
    kind: 'answer',
    body: block,
    contentLength: 1e12,
    endless: true,
  }))
  const transport = transportOf()
  const controller = new AbortController()
  let first: (() => void) | undefined
  const started = new Promise<void>((resolve) => {
    first = resolve
  })
  const got = transport.fetchToSink(server.url, {
    bytesMax: 1e12,
    signal: controller.signal,
    sink: {
      write: () => {
        first?.()
        return new Promise((_resolve, reject) => {
          controller.signal.addEventListener('abort', () => reject(new Error('over')))
        })
      },
      restart: async () => undefined,
    },
  })
  await started
  const rss = process.memoryUsage.rss()
  for (let turns = 0; turns < 200; turns += 1) await new Promise(setImmediate)
  t.ok(process.memoryUsage.rss() - rss < 32 * 1024 * 1024)
  controller.abort()
  await t.rejects(got, { code: 'LW_TRANSFER_ABORTED' })
  t.ok(server.sentBytes() < 64 * 1024 * 1024, 'the server could not send on')
  await transport.stop()
})

t.test('transfers that run together keep to one bandwidth', async (t) => {
  let now = 0
  const clock = {
    now: () => now,
    sleep: async (ms: number) => {
      now += ms
    },
  }
  await using server = await startChaosServer(honestObject(object))
  const bandwidth = createBandwidthLimit({ bytesPerSecond: 100_000, clock })
  const transport = transportOf({ bandwidth })
  const sinks = [memorySink(), memorySink()]
  await Promise.all(sinks.map((sink) => transport.fetchToSink(server.url, { bytesMax: 1e6, sink })))
  t.ok(sinks.every((sink) => sink.bytes().equals(object)))
  t.ok(now >= 5000, `600 kB at 100 kB/s took ${now} ms`)
  await transport.stop()
})

t.test('R24: flipped bits arrive as they are: hashes decide, not the transport', async (t) => {
  const got = await download((request) => ({ ...honestObject(object)(request), flipBit: 12_345 }), {
    expectedBytes: object.length,
  })
  t.equal(got.code, 'ok')
  const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
  t.not(hash(got.sink.bytes()), hash(object))
})

t.test('what something else can replace is given up after two stalls, and continued', async (t) => {
  const honest = honestObject(object)
  const asked = async (options: Partial<SinkRequest>) => {
    await using server = await startChaosServer(async (request) => {
      const reply = await honest(request)
      return reply.kind === 'answer' ? { ...reply, slow: { bytes: 1, everyMs: 5 } } : reply
    })
    const transport = transportOf({
      timeouts: { paceWindowMs: 100, paceBytesPerSecondMin: 10_000 },
    })
    const sink = memorySink()
    const request = { bytesMax: 1e9, expectedBytes: object.length, immutable: true, sink }
    await t.rejects(transport.fetchToSink(server.url, { ...request, ...options }), {
      code: 'LW_TRANSFER_STALLED',
    })
    await transport.stop()
    t.ok(sink.bytes().equals(object.subarray(0, sink.bytes().length)))
    return server.requests.map(({ headers }) => headers['range'])
  }
  const replaceable = await asked({ replaceable: true })
  t.equal(replaceable.length, 2)
  t.equal(replaceable[0], undefined)
  t.match(replaceable[1], /^bytes=[1-9]\d*-$/, 'however little came, it is not asked for again')
  t.equal((await asked({})).length, 4, 'what nothing replaces is tried as often as ever')
})

t.test('a connection that breaks is no stall: a lossy line gets its bundle', async (t) => {
  const honest = honestObject(object)
  const got = await download(
    async (request) => {
      const reply = await honest(request)
      if (reply.kind !== 'answer' || request.number > 3) return reply
      return { ...reply, cutBodyAt: 1000, cutBy: 'reset' }
    },
    { expectedBytes: object.length, immutable: true, replaceable: true },
  )
  t.equal(got.code, 'ok')
  t.equal(got.requests.length, 4)
})
