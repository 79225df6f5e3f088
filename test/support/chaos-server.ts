import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'

/** One request as it came in. */
export interface ChaosRequest {
  readonly method: string
  readonly target: string
  /** Names in lower case; of repeated fields the last one. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** 1 for the server's first request. */
  readonly number: number
}

/** A well-formed or ill-formed answer. */
export interface ChaosAnswer {
  readonly kind: 'answer'
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  /** What Content-Length says, instead of the truth; `null` leaves it out. */
  readonly contentLength?: number | string | null
  readonly chunked?: boolean
  /** Closes after so many bytes of the whole answer, head included. */
  readonly cutAnswerAt?: number
  /** Closes after so many bytes of the body. */
  readonly cutBodyAt?: number
  /** `reset` sends RST instead of an orderly close. */
  readonly cutBy?: 'close' | 'reset'
  /** Inverts one bit of the body. */
  readonly flipBit?: number
  /** Repeats the body until the client goes away. */
  readonly endless?: boolean
  /** Sends so many bytes of the body, then nothing more. */
  readonly stallBodyAt?: number
  /** Sends so many bytes every so many milliseconds. */
  readonly slow?: { readonly bytes: number; readonly everyMs: number }
}

export type ChaosReply =
  | ChaosAnswer
  /** Takes the request and says nothing. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'close' }
  | { readonly kind: 'reset' }
  /** Sends exactly these bytes, then closes. */
  | { readonly kind: 'raw'; readonly bytes: Uint8Array | string }

export type ChaosBehaviour = (request: ChaosRequest) => ChaosReply | Promise<ChaosReply>

/** A server on a raw socket that misbehaves as it is told. */
export interface ChaosServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly requests: readonly ChaosRequest[]
  /** Bytes that went out to clients. */
  sentBytes(): number
  behave(behaviour: ChaosBehaviour): void
  stop(): Promise<void>
}

/** Starts a misbehaving server on a free loopback port. */
export async function startChaosServer(behaviour: ChaosBehaviour): Promise<ChaosServer> {
  const requests: ChaosRequest[] = []
  const sockets = new Set<Socket>()
  let sent = 0
  let current = behaviour
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      sent += socket.bytesWritten
      sockets.delete(socket)
    })
    serveConnection(socket, async (request) => {
      const numbered = { ...request, number: requests.length + 1 }
      requests.push(numbered)
      await reply(socket, await current(numbered))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const stop = async () => {
    for (const socket of sockets) socket.destroy()
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    sentBytes: () => [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, sent),
    behave(next) {
      current = next
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** The behaviour of an honest server for one object: ranges, If-Range, 304, 416. */
export function honestObject(bytes: Uint8Array, etag = '"honest"') {
  return (request: ChaosRequest): ChaosAnswer => {
    const shared = { etag, 'accept-ranges': 'bytes' }
    if (request.headers['if-none-match'] === etag) {
      return { kind: 'answer', status: 304, headers: shared }
    }
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers['range'] ?? '')
    const condition = request.headers['if-range']
    if (range === null || (condition !== undefined && condition !== etag)) {
      return { kind: 'answer', status: 200, headers: shared, body: bytes }
    }
    const first = Number(range[1])
    if (first >= bytes.byteLength) {
      const headers = { ...shared, 'content-range': `bytes */${bytes.byteLength}` }
      return { kind: 'answer', status: 416, headers }
    }
    const last = range[2] === '' ? bytes.byteLength - 1 : Number(range[2])
    const headers = { ...shared, 'content-range': `bytes ${first}-${last}/${bytes.byteLength}` }
    return { kind: 'answer', status: 206, headers, body: bytes.subarray(first, last + 1) }
  }
}

type Parsed = Omit<ChaosRequest, 'number'>

/** Reads requests one after the other; good enough for a well-behaved client. */
function serveConnection(socket: Socket, handle: (request: Parsed) => Promise<void>): void {
  let held = Buffer.alloc(0)
  let queue = Promise.resolve()
  socket.on('data', (data) => {
    held = Buffer.concat([held, data])
    for (;;) {
      const parsed = parseRequest(held)
      if (parsed === undefined) return
      held = held.subarray(parsed.length)
      queue = queue.then(() => handle(parsed.request)).catch(() => undefined)
    }
  })
}

function parseRequest(
  held: Buffer,
): { readonly request: Parsed; readonly length: number } | undefined {
  const headEnd = held.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const [first = '', ...lines] = held.subarray(0, headEnd).toString('latin1').split('\r\n')
  const [method = '', target = ''] = first.split(' ')
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  const start = headEnd + 4
  const body =
    headers['transfer-encoding'] === undefined
      ? plainBody(held, start, Number(headers['content-length'] ?? 0))
      : chunkedBody(held, start)
  if (body === undefined) return undefined
  return { request: { method, target, headers, body: body.bytes }, length: body.end }
}

interface Body {
  readonly bytes: Buffer
  readonly end: number
}

function plainBody(held: Buffer, start: number, length: number): Body | undefined {
  const end = start + length
  return held.length < end ? undefined : { bytes: held.subarray(start, end), end }
}

function chunkedBody(held: Buffer, start: number): Body | undefined {
  const parts: Buffer[] = []
  for (let at = start; ; ) {
    const lineEnd = held.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(held.subarray(at, lineEnd).toString('latin1'), 16)
    const end = lineEnd + 2 + size + 2
    if (held.length < end) return undefined
    if (size === 0) return { bytes: Buffer.concat(parts), end }
    parts.push(held.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = end
  }
}

async function reply(socket: Socket, answer: ChaosReply): Promise<void> {
  switch (answer.kind) {
    case 'silent':
      return
    case 'close':
      socket.destroy()
      return
    case 'reset':
      socket.resetAndDestroy()
      return
    case 'raw':
      socket.end(answer.bytes)
      return
    case 'answer':
      await sendAnswer(socket, answer)
  }
}

async function sendAnswer(socket: Socket, answer: ChaosAnswer): Promise<void> {
  const body = flipped(Buffer.from(answer.body ?? ''), answer.flipBit)
  const head = headOf(answer, body)
  if (answer.endless === true) {
    await write(socket, head)
    while (!socket.destroyed) await write(socket, framed(answer, body))
    return
  }
  if (answer.slow !== undefined) {
    await write(socket, head)
    await dribble(socket, framed(answer, body), answer.slow)
    return
  }
  const whole = Buffer.concat([head, framed(answer, body), Buffer.from(terminator(answer))])
  const end = answer.cutAnswerAt ?? cutOfBody(head, answer.cutBodyAt ?? answer.stallBodyAt)
  await write(socket, end === undefined ? whole : whole.subarray(0, end))
  const cuts = answer.cutAnswerAt !== undefined || answer.cutBodyAt !== undefined
  if (cuts && answer.cutBy === 'reset') socket.resetAndDestroy()
  else if (cuts || answer.contentLength === null) socket.end()
}

function cutOfBody(head: Buffer, at: number | undefined): number | undefined {
  return at === undefined ? undefined : head.length + at
}

function headOf(answer: ChaosAnswer, body: Buffer): Buffer {
  const status = answer.status ?? 200
  const lines = [`HTTP/1.1 ${status} Chaos`]
  if (answer.chunked === true) lines.push('transfer-encoding: chunked')
  else if (answer.contentLength !== null && status !== 304) {
    lines.push(`content-length: ${answer.contentLength ?? body.length}`)
  }
  for (const [name, value] of Object.entries(answer.headers ?? {})) lines.push(`${name}: ${value}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

function framed(answer: ChaosAnswer, body: Buffer): Buffer {
  if (answer.chunked !== true || body.length === 0) return body
  return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')])
}

function terminator(answer: ChaosAnswer): string {
  return answer.chunked === true ? '0\r\n\r\n' : ''
}

function flipped(body: Buffer, bit: number | undefined): Buffer {
  if (bit === undefined || body.length === 0) return body
  const copy = Buffer.from(body)
  const at = Math.floor(bit / 8) % copy.length
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit % 8))
  return copy
}

async function dribble(
  socket: Socket,
  bytes: Buffer,
  pace: { readonly bytes: number; readonly everyMs: number },
): Promise<void> {
  await new Promise<void>((resolve) => {
    let at = 0
    const timer = setInterval(() => {
      if (socket.destroyed || at >= bytes.length) {
        clearInterval(timer)
        resolve()
        return
      }
      socket.write(bytes.subarray(at, at + pace.bytes))
      at += pace.bytes
    }, pace.everyMs)
  })
}

/** Waits for the socket to take the bytes, or to be gone. */
async function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  if (socket.destroyed) return
  await new Promise<void>((resolve) => {
    socket.once('close', resolve)
    socket.write(bytes, () => {
      socket.off('close', resolve)
      resolve()
    })
  })
}
