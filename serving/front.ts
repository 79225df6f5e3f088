import type { IncomingMessage, RequestListener } from 'node:http'
import type { AllowedMethods } from './allowed-methods.ts'
import { servingError } from './errors.ts'
import type { HotRoutes } from './hot-routes.ts'
import type { RawExchange } from './object-cache.ts'
import { ownTarget, whyRefuseTarget } from './request-target.ts'
import type { SlowClients } from './slow-clients.ts'

/** What `createFront` takes. */
export interface FrontOptions {
  readonly hot: HotRoutes
  readonly methods: AllowedMethods
  readonly slowClients: SlowClients
  readonly isStopping: () => boolean
  /** The ordinary routes. */
  readonly handOn: RequestListener
  readonly answerError: (exchange: RawExchange, error: unknown) => void
}

/**
 * The first listener of a server: hot routes, then what no route may see, then the framework.
 */
export function createFront(options: FrontOptions): RequestListener {
  const { hot } = options
  return (request, response) => {
    const stopping = options.isStopping()
    if (stopping) response.shouldKeepAlive = false
    // Only the absolute form, which proxies alone use, is worth looking for Host.
    if (request.url?.charCodeAt(0) !== slash) {
      request.url = ownTarget(request.url ?? '', request.headers.host)
    }
    try {
      if (hot.handle(request, response)) return
    } catch (error) {
      options.answerError({ request, response }, error)
      return
    }
    const hasBody = announcesBody(request)
    const refusal = refusalOf(request, options.methods, stopping)
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

/** `/`, with which the path of a request begins. */
const slash = 0x2f

function refusalOf(
  request: IncomingMessage,
  methods: AllowedMethods,
  stopping: boolean,
): Error | undefined {
  const method = request.method ?? ''
  const target = request.url ?? ''
  const why = whyRefuseTarget(target, method)
  if (why === 'elsewhere') return servingError('LW_SERVE_MISDIRECTED')
  if (why === 'nowhere') return servingError('LW_SERVE_NOT_FOUND')
  if (why !== undefined) return servingError('LW_SERVE_TARGET')
  // RFC 9112 §6.1: both framings at once is what request smuggling looks like.
  const { headers } = request
  if (headers['transfer-encoding'] !== undefined && headers['content-length'] !== undefined) {
    return servingError('LW_SERVE_REQUEST')
  }
  const whyHost = whyNotHost(request)
  if (whyHost !== undefined) return servingError('LW_SERVE_REQUEST', { detail: whyHost })
  // Before the framework, which would read a body first and complain of its media type.
  const allowed = methods.of(target)
  if (allowed.length === 0) return servingError('LW_SERVE_NOT_FOUND')
  if (!allowed.includes(method)) {
    return servingError('LW_SERVE_METHOD', { members: { allow: allowed } })
  }
  return stopping ? servingError('LW_SERVE_STOPPING', { retryAfterSeconds: 1 }) : undefined
}

/** RFC 9112 §3.2: exactly one Host field, which HTTP/1.0 did not know yet; Node takes the first. */
function whyNotHost(request: IncomingMessage): string | undefined {
  const raw = request.rawHeaders
  let hosts = 0
  for (let at = 0; at < raw.length; at += 2) {
    if (raw[at]?.length === 4 && raw[at]?.toLowerCase() === 'host') hosts += 1
  }
  if (hosts > 1) return 'It has several Host fields.'
  return hosts === 0 && request.httpVersionMinor > 0 ? 'It has no Host field.' : undefined
}

function announcesBody(request: IncomingMessage): boolean {
  const { headers } = request
  const length = headers['content-length']
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}
