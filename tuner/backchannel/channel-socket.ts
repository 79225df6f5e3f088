import { timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { chmod, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { digestOf, isLongwaveError, limits as formatLimits } from '../../protocol/index.ts'
import { type LocalSocket, openLocalSocket } from '../../store/local-sockets/index.ts'
import type { ChannelEvent, LiveUser } from '../live-users/index.ts'
import type { ChannelAccess } from './channel-access.ts'
import { backChannelError } from './errors.ts'
import { backChannelLimits as limits } from './limits.ts'

/** What a running channel can do, all of it for its own subscription. */
export interface ChannelOperations {
  status(): Promise<unknown>
  append(feedback: {
    readonly data: Uint8Array
    readonly type: string
  }): Promise<{ readonly entries: number; readonly bytes: number }>
  reply(): Promise<
    { readonly type: string; readonly sha256: string; readonly data: Uint8Array } | undefined
  >
  update(options: { readonly check: boolean }): Promise<unknown>
  install(): Promise<unknown>
  /** Begins to count as running; the returned function ends that. */
  enter(tell: (event: ChannelEvent) => void): Promise<{
    readonly user: LiveUser
    readonly leave: () => Promise<void>
  }>
}

/**
 * The local API of one subscription: HTTP over a Unix socket that only this user can open, and a
 * token besides (docs/formats/update-request.md).
 */
export class ChannelSocket {
  readonly #operations: ChannelOperations
  readonly #token: Buffer
  readonly #server: Server
  readonly #open = new Set<ServerResponse>()
  #socket: LocalSocket | undefined

  constructor(operations: ChannelOperations, access: Pick<ChannelAccess, 'token'>) {
    this.#operations = operations
    this.#token = Buffer.from(digestOf(access.token))
    this.#server = createServer(
      { headersTimeout: limits.headersTimeoutMs, maxHeaderSize: 8 * 1024 },
      (request, response) => void this.#serve(request, response),
    )
    this.#server.maxConnections = limits.connectionsMax
  }

  /** Listens; a socket that lies there is a dead tuner's, for this one owns the home. */
  async start(directory: string, name: string): Promise<void> {
    const socket = await openLocalSocket(directory, name)
    this.#socket = socket
    if (socket.file !== undefined) await rm(socket.file, { force: true })
    const mask = process.umask(0o177)
    try {
      this.#server.listen(socket.address)
    } finally {
      process.umask(mask)
    }
    await once(this.#server, 'listening')
    if (socket.file !== undefined) await chmod(socket.file, 0o600)
  }

  async stop(): Promise<void> {
    const closed = this.#server.listening ? once(this.#server, 'close') : undefined
    this.#server.close()
    for (const response of this.#open) response.end()
    this.#server.closeAllConnections()
    await closed
    if (this.#socket?.file !== undefined) await rm(this.#socket.file, { force: true })
    await this.#socket?.close()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined)
    try {
      this.#requireToken(request)
      await this.#route(request, response)
    } catch (error) {
      answerProblem(response, error)
    }
  }

  #requireToken(request: IncomingMessage): void {
    const token = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(request.headers.authorization ?? '')?.[1]
    const isRight =
      token !== undefined && timingSafeEqual(Buffer.from(digestOf(token)), this.#token)
    if (!isRight) throw backChannelError('LW_CHANNEL_TOKEN')
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://channel')
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /':
        return answerJson(response, 200, await this.#operations.status())
      case 'POST /feedback':
        return answerJson(response, 201, await this.#append(request))
      case 'GET /reply':
        return answerReply(response, await this.#operations.reply())
      case 'POST /update': {
        const check = url.searchParams.get('check') === '1'
        return answerJson(response, 200, await this.#operations.update({ check }))
      }
      case 'POST /install':
        return answerJson(response, 200, await this.#operations.install())
      case 'GET /events':
        return this.#events(response)
      default:
        throw backChannelError('LW_CHANNEL_REQUEST')
    }
  }

  async #append(
    request: IncomingMessage,
  ): Promise<{ readonly entries: number; readonly bytes: number }> {
    const data = await bodyOf(request, formatLimits.feedbackEntryBytesMax)
    const type = request.headers['content-type'] ?? 'application/octet-stream'
    return this.#operations.append({ data, type })
  }

  /** One JSON text a line for as long as the channel runs; the connection is what says so. */
  async #events(response: ServerResponse): Promise<void> {
    const tell = (event: unknown): void => {
      if (response.writableLength > limits.unsentBytesMax) response.destroy()
      else response.write(`${JSON.stringify(event)}\n`)
    }
    this.#open.add(response)
    const { user, leave } = await this.#operations.enter(tell)
    const heartbeat = setInterval(() => response.write('\n'), limits.heartbeatMs)
    heartbeat.unref()
    response.once('close', () => {
      clearInterval(heartbeat)
      this.#open.delete(response)
      void leave()
    })
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
    tell({ type: 'hello', release: user.release })
  }
}

/** @throws LW_FEEDBACK_TOO_LARGE by the queue, for one byte more than is allowed is kept */
async function bodyOf(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength
    if (bytes <= bytesMax + 1) chunks.push(chunk)
    else if (bytes > 4 * bytesMax) throw backChannelError('LW_CHANNEL_REQUEST')
  }
  return Buffer.concat(
    chunks.length > 0 && bytes > bytesMax ? [Buffer.alloc(bytesMax + 1)] : chunks,
  )
}

function answerJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify(value))
}

function answerReply(
  response: ServerResponse,
  reply: Awaited<ReturnType<ChannelOperations['reply']>>,
): void {
  if (reply === undefined) {
    response.writeHead(204, { 'cache-control': 'no-store' }).end()
    return
  }
  response.writeHead(200, {
    'content-type': reply.type,
    'content-length': reply.data.byteLength,
    'cache-control': 'no-store',
    etag: `"${reply.sha256}"`,
  })
  response.end(reply.data)
}

function answerProblem(response: ServerResponse, error: unknown): void {
  const known = isLongwaveError(error)
    ? error
    : backChannelError('LW_CHANNEL_BUSY', { cause: error })
  if (response.headersSent) {
    response.destroy()
    return
  }
  const { code, status, message, next } = known
  response.writeHead(status, {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    connection: 'close',
  })
  response.end(JSON.stringify({ code, status, title: message, ...(next ? { next } : {}) }))
}
