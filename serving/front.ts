import type { IncomingMessage, RequestListener } from 'node:http'
import { servingError } from './errors.ts'
import type { HotRoutes } from './hot-routes.ts'
import type { RawExchange } from './object-cache.ts'
import { whyRefuseTarget } from './request-target.ts'
import type { SlowClients } from './slow-clients.ts'

/** What `createFront` takes. */
export interface FrontOptions {
  readonly hot: HotRoutes
  readonly slowClients: SlowClients
  readonly isStopping: () => boolean
  /** The ordinary routes. */
  readonly handOn: RequestListener
  readonly answerError: (exchange: RawExchange, error: unknown) => void
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
    } catch (error) {
      options.answerError({ request, response }, error)
      return
    }
    const hasBody = announcesBody(request)
    const refusal = refusalOf(request, stopping)
    if (refusal !== undefined) {
      // Its body, if it has one, is not read: the connection cannot be used again.
      if (hasBody) response.shouldKeepAlive = false
      options.answerError({ request, response }, refusal)
      return
    }
    if (hasBody) options.slowClients.watchSender(request)
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

function announcesBody(request: IncomingMessage): boolean {
  const { headers } = request
  const length = headers['content-length']
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}
