import { randomBytes } from 'node:crypto'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify'
import type { Logger } from 'pino'
import { answerClientError } from './client-errors.ts'
import { createCounters, type ServingCounters } from './counters.ts'
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
  /** Answers a hot request, or one that was taken from the framework, with an error. */
  answerError(exchange: RawExchange, error: unknown): void
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
  const objects = new ObjectSender(counters, slowClients)
  const { logger } = options
  const nextRequestId = requestIds()
  const answerError = ({ request, response }: RawExchange, error: unknown) => {
    const requestId = nextRequestId()
    counters.problems += 1
    if (asLongwaveError(error).status >= 500) {
      logger.error({ err: error, requestId }, 'request failed')
    }
    sendProblem(request, response, problemOf(error, requestId))
  }
  let stopping = false
  let stopped: Promise<void> | undefined
  const { app, server } = createApp(
    options,
    (handOn) =>
      createFront({
        hot,
        slowClients,
        handOn,
        isStopping: () => stopping,
        answerError,
      }),
    { counters, nextRequestId },
  )
  const stop = () => {
    stopping = true
    stopped ??= drain(app, server, options.drainTimeoutMs ?? limits.drainTimeoutMs).finally(() =>
      slowClients.stop(),
    )
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
    answerError,
    listen: (address) => listen(app, server, address, options.tls !== undefined),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

type FrontMaker = (handOn: Parameters<typeof createNodeServer>[0]) => typeof handOn

function createApp(
  options: HttpServerOptions,
  front: FrontMaker,
  facts: { readonly counters: ServingCounters; readonly nextRequestId: () => string },
): { readonly app: FastifyInstance; readonly server: Server } {
  let server: Server | undefined
  const app = fastify({
    loggerInstance: options.logger,
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    bodyLimit: options.bodyBytesMax ?? limits.bodyBytesMax,
    trustProxy: options.trustedProxies === undefined ? false : [...options.trustedProxies],
    requestIdHeader: false,
    genReqId: facts.nextRequestId,
    routerOptions: { maxParamLength: limits.urlCharactersMax, caseSensitive: true },
    ajv: {
      customOptions: {
        strict: true,
        coerceTypes: false,
        removeAdditional: false,
        useDefaults: false,
        allErrors: false,
      },
    },
    clientErrorHandler: (error, socket) =>
      answerClientError(error, socket, {
        counters: facts.counters,
        requestId: facts.nextRequestId(),
      }),
    frameworkErrors: (error, request, reply) => {
      answerProblem(reply as unknown as FastifyReply, error, request.id)
    },
    serverFactory: (handler) => {
      server = createNodeServer(front(handler), {
        tls: options.tls,
        timeouts: options.timeouts ?? {},
      }) as Server
      return server
    },
  }) as unknown as FastifyInstance
  answerErrors(app, facts.counters)
  if (server === undefined) throw new TypeError('the framework made no server')
  return { app, server }
}

/** RFC 9457 answers for whatever the routes throw, and for paths without a route. */
function answerErrors(app: FastifyInstance, counters: ServingCounters): void {
  app.setErrorHandler((error, request, reply) => {
    counters.problems += 1
    const known = asLongwaveError(error)
    if (known.status >= 500) {
      request.log.error({ err: error }, 'request failed')
    }
    answerProblem(reply, error, request.id)
  })
  app.setNotFoundHandler((request, reply) => {
    counters.problems += 1
    answerProblem(reply, servingError('LW_SERVE_NOT_FOUND'), request.id)
  })
}

function answerProblem(reply: FastifyReply, error: unknown, requestId: string): void {
  const problem = problemOf(error, requestId)
  for (let at = 0; at + 1 < problem.headers.length; at += 2) {
    reply.header(problem.headers[at] as string, problem.headers[at + 1])
  }
  reply.code(problem.status).send(problem.body)
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

async function drain(app: FastifyInstance, server: Server, timeoutMs: number): Promise<void> {
  const idle = setInterval(() => server.closeIdleConnections(), limits.drainPollMs)
  const cut = setTimeout(() => server.closeAllConnections(), timeoutMs)
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
