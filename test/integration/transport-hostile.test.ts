import type { Socket } from 'node:net'
import net from 'node:net'
import t from 'tap'
import { isLongwaveError } from '../../protocol/index.ts'
import { createTransport } from '../../transport/index.ts'

interface RawServer extends AsyncDisposable {
  readonly url: string
}

/** Answers the first bytes of every connection as it is told, in raw bytes. */
async function startRawServer(answer: (socket: Socket) => void): Promise<RawServer> {
  const sockets = new Set<Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    socket.once('data', () => answer(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Writes the same bytes until the other side has enough. */
function pour(socket: Socket, bytes: string): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(bytes));
    if (!socket.destroyed) socket.once('drain', more)
  }
  more()
}

const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'

/** How the answer goes on, and the code that ends it. */
const cases: readonly (readonly [string, string, (socket: Socket) => void])[] = [
  [
    'interim answers without end',
    'LW_TRANSFER_ENDLESS',
    (socket) => {
      // One at a time: what comes in one piece is a broken connection to the client.
      const timer = setInterval(() => {
        if (socket.destroyed) clearInterval(timer)
        else socket.write('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n')
      }, 2)
    },
  ],
  [
    'an extension of a chunk without end',
    'LW_TRANSFER_STALLED',
    (socket) => {
      socket.write(`${chunked}1;`)
      const timer = setInterval(() => {
        if (socket.destroyed) clearInterval(timer)
        else socket.write('a'.repeat(1000))
      }, 20)
    },
  ],
  [
    'trailers without end',
    'LW_TRANSFER_ENDLESS',
    (socket) => {
      socket.write(`${chunked}1\r\nx\r\n0\r\n`)
      pour(socket, `a: ${'b'.repeat(1000)}\r\n`)
    },
  ],
  [
    'trailers in drops',
    'LW_TRANSFER_STALLED',
    (socket) => {
      socket.write(`${chunked}1\r\nx\r\n0\r\n`)
      const timer = setInterval(() => {
        if (socket.destroyed) clearInterval(timer)
        else socket.write('a: b\r\n')
      }, 20)
    },
  ],
  [
    'one byte a chunk under long extensions',
    'LW_TRANSFER_ENDLESS',
    (socket) => {
      socket.write(chunked)
      pour(socket, `1;${'a'.repeat(100)}\r\nx\r\n`.repeat(100))
    },
  ],
  [
    'a length and chunks',
    'LW_TRANSFER_BROKEN',
    (socket) =>
      socket.end(
        `${chunked.replace('\r\n\r\n', '\r\ncontent-length: 3\r\n\r\n')}1\r\nx\r\n0\r\n\r\n`,
      ),
  ],
  [
    'a chunk of 2^72 bytes',
    'LW_TRANSFER_BROKEN',
    (socket) => socket.end(`${chunked}ffffffffffffffffff\r\nxx`),
  ],
  [
    'a change of protocols that nobody asked for',
    'LW_TRANSFER_BROKEN',
    (socket) => socket.end('HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
  ],
  [
    'a part that nobody asked for',
    'LW_TRANSFER_RANGE',
    (socket) =>
      socket.end('HTTP/1.1 206 Part\r\ncontent-range: bytes 0-2/3\r\ncontent-length: 3\r\n\r\nabc'),
  ],
]

for (const [name, code, answer] of cases) {
  t.test(`S6: ${name}: given up, into memory and into a sink`, async (t) => {
    await using server = await startRawServer(answer)
    await using transport = createTransport({
      userAgent: 'longwave-test',
      retry: { attemptsMax: 1 },
      timeouts: { stallMs: 400, documentMs: 20_000 },
    })
    const sink = { write: () => undefined, restart: () => Promise.resolve() }
    const attempts = [
      transport.fetchBytes(server.url, { bytesMax: 1000 }),
      transport.fetchToSink(server.url, { bytesMax: 1000, immutable: true, sink }),
    ]
    for (const attempt of attempts) {
      const error: unknown = await attempt.then(
        () => undefined,
        (cause: unknown) => cause,
      )
      t.ok(isLongwaveError(error), String(error))
      t.equal(isLongwaveError(error) ? error.code : '', code)
    }
  })
}

t.test('S56: no redirect leads to files, other hosts or into the network behind', async (t) => {
  const places = [
    'file:///etc/passwd',
    'ftp://127.0.0.1/',
    'data:text/plain,x',
    'javascript:1',
    'http://169.254.169.254/latest/meta-data',
    'http://2852039166/',
    'http://[::ffff:169.254.169.254]/',
    'http://0/',
    'http://localhost:1/',
    '//evil.test/x',
    'http://user:secret@127.0.0.1/',
    'http:///x',
    'https://evil.test/',
    `/${'x'.repeat(9000)}`,
    '\\\\evil.test\\x',
  ]
  for (const place of places) {
    let requests = 0
    await using server = await startRawServer((socket) => {
      requests += 1
      socket.end(`HTTP/1.1 302 Found\r\nlocation: ${place}\r\ncontent-length: 0\r\n\r\n`)
    })
    await using transport = createTransport({
      userAgent: 'longwave-test',
      retry: { attemptsMax: 1 },
    })
    const got = transport.fetchBytes(server.url, { bytesMax: 9, authorization: 'Bearer secret' })
    await t.rejects(got, { code: 'LW_TRANSFER_REDIRECT', exit: 13 }, place)
    t.equal(requests, 1, place)
  }
})
