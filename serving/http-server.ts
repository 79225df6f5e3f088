import { randomBytes } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { AllowedMethods } from './allowed-methods.ts'
import { createCounters, type ServingCounters } from './counters.ts'
import { createFramework } from './framework.ts'
import { servingError } from './errors.ts'
import { createFront } from './front.ts'
import { HotRoutes } from './hot-routes.ts'
import { servingLimits as limits } from './limits.ts'
import { type ListenAddress, listenError, urlOfListener } from './listen-address.ts'
import { createNodeServer, type NodeServerTimeouts, type ServerTls } from './node-server.ts'
import { type DescribedObject, ObjectSender, type ObjectSource } from './object-sender.ts'
import type { RawExchange } from './object-cache.ts'
import { asLongwaveError, problemOf, sendProblem } from './problem.ts'
import { type SlowClientLimits, SlowClients } from './slow-clients.ts'
import { type StreamedAnswer, sendStream } from './stream-sender.ts'
import { UnusedConnections } from './unused-connections.ts'

/** What `createHttpServer` takes. */
export interface HttpServerOptions {
  readonly logger: Logger
  readonly bodyBytesMax?: number
  /** Addresses or subnets whose forwarded headers are believed; none by default. */
  readonly trustedProxies?: readonly string[]
  readonly tls?: ServerTls
  readonly drainTimeoutMs?: number
  readonly timeouts?: NodeServerTimeouts
  readonly slowClients?: Partial<SlowClientLimits>
}

/** A server with its limits, its error answers and its hot routes; it listens when told to. */
export interface HttpServer extends AsyncDisposable {
  /** The ordinary routes. */
  readonly app: FastifyInstance
  /** Routes that are answered before the framework sees the request. */
  readonly hot: HotRoutes
  readonly objects: ObjectSender
  readonly counters: ServingCounters
  readonly logger: Logger
  /** Whether `stop` was called. */
  readonly stopping: boolean
  /** Connections that are open now. */
  connections(): Promise<number>
  /** Answers an ordinary route's request with an object. */
  sendObject(
    request: FastifyRequest,
    reply: FastifyReply,
    object: DescribedObject,
    source: ObjectSource,
  ): void
  /** Answers a request that was taken from the framework with a body that is made meanwhile. */
  sendStream(
    response: ServerResponse,
    answer: StreamedAnswer,
  ): Promise<{ readonly bytes: number; readonly isComplete: boolean }>
  /**
   * Answers a hot request, or one that was taken from the framework, with an error.
   * @param fields more header fields: names and values by turns
   */
  answerError(exchange: RawExchange, error: unknown, fields?: readonly string[]): void
  /**
   * Starts listening and returns the server's URL without a trailing slash.
   * @throws LW_SERVE_PORT_IN_USE, LW_SERVE_PORT_REFUSED, LW_SERVE_ADDRESS
   */
  listen(address: ListenAddress): Promise<string>
  /** Lets what runs finish, for a while, then closes everything. */
  stop(): Promise<void>
}

/** Makes a server; nothing is opened before `listen`. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const counters = createCounters()
  const slowClients = new SlowClients(counters, options.slowClients)
  const hot = new HotRoutes()
  const { logger } = options
  const nextRequestId = requestIds()
  const methods = new AllowedMethods(hot)
  const answerError = (
    { request, response }: RawExchange,
    error: unknown,
    fields: readonly string[] = [],
  ) => {
    const requestId = nextRequestId()
    counters.problems += 1
    if (asLongwaveError(error).status >= 500) {
      logger.error({ err: error, requestId }, 'request failed')
    }
    sendProblem(request, response, problemOf(error, requestId), fields)
  }
  const objects = new ObjectSender({ counters, slowClients, answerError })
  let stopping = false
  let stopped: Promise<void> | undefined
  const isStopping = () => stopping
  const { app, server } = createFramework({
    logger,
    bodyBytesMax: options.bodyBytesMax,
    trustedProxies: options.trustedProxies,
    counters,
    methods,
    nextRequestId,
    createServer: (handOn) =>
      createNodeServer(
        createFront({ hot, methods, slowClients, handOn, isStopping, answerError }),
        options,
      ),
  })
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    // Whether its body follows, nobody knows: the connection cannot be used again.
    response.shouldKeepAlive = false
    answerError({ request, response }, servingError('LW_SERVE_EXPECTATION'))
  })
  const unused = new UnusedConnections(server)
  const drainTimeoutMs = options.drainTimeoutMs ?? limits.drainTimeoutMs
  const stop = () => {
    stopping = true
    stopped ??= drain(app, server, { unused, drainTimeoutMs }).finally(() => slowClients.stop())
    return stopped
  }
  return {
    app,
    hot,
    objects,
    counters,
    logger,
    get stopping() {
      return stopping
    },
    connections: () => countConnections(server),
    sendObject(request, reply, object, source) {
      reply.hijack()
      objects.send({ request: request.raw, response: reply.raw }, object, source)
    },
    sendStream: (response, answer) => sendStream(response, answer, slowClients),
    answerError,
    listen: (address) => listen(app, server, address, options.tls !== undefined),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Ids that differ between processes, cheap enough for every request. */
function requestIds(): () => string {
  const process = randomBytes(4).toString('hex')
  let number = 0
  return () => {
    number += 1
    return `${process}-${number.toString(36)}`
  }
}

async function listen(
  app: FastifyInstance,
  server: Server,
  address: ListenAddress,
  secure: boolean,
): Promise<string> {
  // The framework would open a second server for the other address of this name.
  const host = address.host === 'localhost' ? '127.0.0.1' : address.host
  try {
    await app.listen({ host, port: address.port })
  } catch (error) {
    throw listenError(error, address)
  }
  return urlOfListener(server.address() as AddressInfo, secure)
}

async function drain(
  app: FastifyInstance,
  server: Server,
  options: { readonly unused: UnusedConnections; readonly drainTimeoutMs: number },
): Promise<void> {
  const closeIdle = (): void => {
    server.closeIdleConnections()
    options.unused.close()
  }
  const idle = setInterval(closeIdle, limits.drainPollMs)
  const cut = setTimeout(() => server.closeAllConnections(), options.drainTimeoutMs)
  closeIdle()
  try {
    await app.close()
  } finally {
    clearInterval(idle)
    clearTimeout(cut)
  }
}

function countConnections(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.getConnections((error, count) => resolve(error === null ? count : 0))
  })
}
