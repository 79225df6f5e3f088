import type { RequestListener, Server } from 'node:http'
import {
  type FastifyInstance,
  type FastifyReply,
  type FastifyServerOptions,
  fastify,
  LogController,
} from 'fastify'
import type { Logger } from 'pino'
import type { AllowedMethods } from './allowed-methods.ts'
import { answerClientError } from './client-errors.ts'
import type { ServingCounters } from './counters.ts'
import { servingError } from './errors.ts'
import { servingLimits as limits } from './limits.ts'
import { asLongwaveError, problemOf } from './problem.ts'

/** What `createFramework` takes. */
export interface FrameworkOptions {
  readonly logger: Logger
  readonly bodyBytesMax: number | undefined
  readonly trustedProxies: readonly string[] | undefined
  readonly counters: ServingCounters
  readonly methods: AllowedMethods
  readonly nextRequestId: () => string
  /** Makes the server around the framework's listener. */
  readonly createServer: (handOn: RequestListener) => Server
}

/** Fastify with strict schemas, bounded bodies, no request log, and problems for errors. */
export function createFramework(options: FrameworkOptions): {
  readonly app: FastifyInstance
  readonly server: Server
} {
  const { counters, nextRequestId, trustedProxies } = options
  let server: Server | undefined
  const app = fastify({
    ...fixedOptions,
    loggerInstance: options.logger,
    bodyLimit: options.bodyBytesMax ?? limits.bodyBytesMax,
    trustProxy: trustedProxies === undefined ? false : [...trustedProxies],
    genReqId: nextRequestId,
    clientErrorHandler: (error, socket) =>
      answerClientError(error, socket, { counters, requestId: nextRequestId() }),
    frameworkErrors: (error, request, reply) => {
      answerProblem(reply as unknown as FastifyReply, error, request.id)
    },
    serverFactory: (handOn) => {
      server = options.createServer(handOn)
      return server
    },
  }) as unknown as FastifyInstance
  app.addHook('onRoute', ({ url, method }) => options.methods.add(url, method))
  answerErrors(app, counters)
  if (server === undefined) throw new TypeError('the framework made no server')
  return { app, server }
}

const fixedOptions = {
  logController: new LogController({
    disableRequestLogging: true,
    requestIdLogLabel: 'requestId',
  }),
  requestIdHeader: false,
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
} satisfies FastifyServerOptions

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
