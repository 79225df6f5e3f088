import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** A request as the origin saw it. */
export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

/** Answers one path of the fake origin. */
export type OriginHandler = (
  request: SeenRequest,
  response: http.ServerResponse,
) => void | Promise<void>

/** A fake origin whose every answer is a test's to choose, and which counts what reached it. */
export interface FakeOrigin extends AsyncDisposable {
  readonly url: string
  readonly seen: SeenRequest[]
  /** Connections that were ever open. */
  readonly sockets: Set<Socket>
  /** Connections that were open at the same time, at most. */
  socketsAtOnce(): number
  /** Bodies of content that left, in bytes. */
  on(path: string, handler: OriginHandler): void
  /** Serves bytes as an object of `/site`; returns their digest. */
  object(bytes: Uint8Array): string
  count(method: string, path: string): number
}

/** Starts a fake origin on 127.0.0.1. */
export async function startFakeOrigin(
  makeServer: (listener: http.RequestListener) => http.Server = (listener) =>
    http.createServer(listener),
): Promise<FakeOrigin> {
  const handlers = new Map<string, OriginHandler>()
  const seen: SeenRequest[] = []
  const sockets = new Set<Socket>()
  let open = 0
  let most = 0
  const server = makeServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const one = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks),
      }
      seen.push(one)
      const handler = handlers.get(one.path)
      if (handler === undefined) {
        response.writeHead(404, { 'content-type': 'application/problem+json' })
        response.end('{"code":"LW_TRANSMIT_NO_OBJECT"}')
      } else void handler(one, response)
    })
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    open += 1
    most = Math.max(most, open)
    socket.on('close', () => {
      open -= 1
    })
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const secure = 'setSecureContext' in server
  const { port } = server.address() as AddressInfo
  const on = (path: string, handler: OriginHandler) => handlers.set(path, handler)
  return {
    url: `${secure ? 'https' : 'http'}://127.0.0.1:${port}`,
    seen,
    sockets,
    socketsAtOnce: () => most,
    on,
    object(bytes) {
      const digest = createHash('sha256').update(bytes).digest('hex')
      on(`/site/objects/${digest}`, (request, response) =>
        sendObject(request, response, bytes, `"${digest}"`),
      )
      return digest
    },
    count: (method, path) =>
      seen.filter((one) => one.method === method && one.path === path).length,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Answers as a transmitter does: conditions, one range, immutable. */
export function sendObject(
  request: SeenRequest,
  response: http.ServerResponse,
  bytes: Uint8Array,
  etag: string,
  cacheControl = 'public, max-age=31536000, immutable',
): void {
  const headers = {
    etag,
    'cache-control': cacheControl,
    'content-type': 'application/octet-stream',
  }
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304, headers)
    response.end()
    return
  }
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  const first = range === null ? 0 : Number(range[1])
  const last = range?.[2] ? Number(range[2]) : bytes.byteLength - 1
  response.writeHead(range === null ? 200 : 206, {
    ...headers,
    'content-length': String(last - first + 1),
    ...(range === null ? {} : { 'content-range': `bytes ${first}-${last}/${bytes.byteLength}` }),
  })
  response.end(request.method === 'HEAD' ? undefined : bytes.subarray(first, last + 1))
}
