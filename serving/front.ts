import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { ServingCounters } from './counters.ts'
import { servingError } from './errors.ts'
import type { HotRoutes } from './hot-routes.ts'
import { problemOf, sendProblem } from './problem.ts'
import { whyRefuseTarget } from './request-target.ts'
import type { SlowClients } from './slow-clients.ts'

/** What `createFront` takes. */
export interface FrontOptions {
  readonly hot: HotRoutes
  readonly slowClients: SlowClients
  readonly counters: ServingCounters
  readonly nextRequestId: () => string
  readonly isStopping: () => boolean
  /** The ordinary routes. */
  readonly handOn: RequestListener
  readonly onError: (error: unknown, requestId: string) => void
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/**
 * The first listener of a server: hot routes, then what no route may see, then the framework.
 */
export function createFront(options: FrontOptions): RequestListener {
  const { hot } = options
  return (request, response) => {
    const stopping = options.isStopping()
    if (stopping) response.shouldKeepAlive = false
    try {
      if (hot.handle(request, response)) return
      const refusal = refusalOf(request, stopping)
      if (refusal !== undefined) {
        refuse(options, request, response, refusal)
        return
      }
    } catch (error) {
      const requestId = options.nextRequestId()
      options.onError(error, requestId)
      sendProblem(request, response, problemOf(error, requestId))
      return
    }
    if (announcesBody(request)) options.slowClients.watchSender(request)
    options.handOn(request, response)
  }
}

function refusalOf(request: IncomingMessage, stopping: boolean): Error | undefined {
  const method = request.method ?? ''
  if (!methods.has(method)) return servingError('LW_SERVE_METHOD')
  const why = whyRefuseTarget(request.url ?? '')
  if (why === 'elsewhere') return servingError('LW_SERVE_MISDIRECTED')
  if (why !== undefined) return servingError('LW_SERVE_TARGET')
  // RFC 9112 §6.1: both framings at once is what request smuggling looks like.
  const { headers } = request
  if (headers['transfer-encoding'] !== undefined && headers['content-length'] !== undefined) {
    return servingError('LW_SERVE_REQUEST')
  }
  if (hasTwoHosts(request)) return servingError('LW_SERVE_REQUEST')
  return stopping ? servingError('LW_SERVE_STOPPING', { retryAfterSeconds: 1 }) : undefined
}

/** RFC 9112 §3.2: more than one Host field is refused; Node takes the first. */
function hasTwoHosts(request: IncomingMessage): boolean {
  const raw = request.rawHeaders
  let hosts = 0
  for (let at = 0; at < raw.length; at += 2) {
    if (raw[at]?.length === 4 && raw[at]?.toLowerCase() === 'host') hosts += 1
  }
  return hosts > 1
}

function refuse(
  options: FrontOptions,
  request: IncomingMessage,
  response: ServerResponse,
  error: Error,
): void {
  options.counters.problems += 1
  // Its body, if it has one, is not read: the connection cannot be used again.
  if (announcesBody(request)) response.shouldKeepAlive = false
  sendProblem(request, response, problemOf(error, options.nextRequestId()))
}

function announcesBody(request: IncomingMessage): boolean {
  const { headers } = request
  const length = headers['content-length']
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}
