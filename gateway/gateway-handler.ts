import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { parseBasePath, targetBelow } from './base-path.ts'

/** A transmitter that works behind somebody else's server; `createTransmitter` makes one. */
export interface AttachableTransmitter {
  /** Opens it without listening; the listener wants paths from the transmitter's own root. */
  attach(publicUrl: () => string): Promise<RequestListener>
  /** Lets what runs finish, then closes it. */
  stop(): Promise<void>
}

/** What `createGatewayHandler` takes. */
export interface GatewayHandlerOptions {
  readonly transmitter: AttachableTransmitter
  /** Where it lies on the site, e.g. `/dl`; never the root. */
  readonly path: string
  /** The site's URL with that path, which links carry: `https://www.example.org/dl`. */
  readonly publicUrl: string | (() => string)
}

/**
 * Answers a request below the path. Anything else goes to `next`, or is answered with 404 where
 * there is none.
 */
export type GatewayListener = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => void

/** A transmitter as a part of a site. */
export interface GatewayHandler extends AsyncDisposable {
  readonly handler: GatewayListener
  /** Opens the transmitter. Requests that come before are held until it is open. */
  start(): Promise<void>
  stop(): Promise<void>
}

/**
 * Puts a transmitter below a path of a site that a Node server serves: `http.createServer`, Express
 * and others that hand on plain requests and responses.
 * @throws LW_GATEWAY_PATH
 */
export function createGatewayHandler(options: GatewayHandlerOptions): GatewayHandler {
  const basePath = parseBasePath(options.path)
  const { transmitter, publicUrl } = options
  const urlOf = () => (typeof publicUrl === 'string' ? publicUrl : publicUrl()).replace(/\/+$/, '')
  let opening: Promise<void> | undefined
  let listener: RequestListener | undefined
  const start = () => {
    opening ??= transmitter.attach(urlOf).then((attached) => {
      listener = attached
    })
    return opening
  }
  const stop = () => transmitter.stop()
  return {
    handler(request, response, next) {
      const target = targetBelow(basePath, request.url ?? '')
      if (target === undefined) {
        pass(response, next)
        return
      }
      if (listener !== undefined) {
        dispatch(listener, request, response, target)
        return
      }
      start().then(
        () => listener !== undefined && dispatch(listener, request, response, target),
        (error: unknown) => fail(response, next, error),
      )
    },
    start,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function dispatch(
  listener: RequestListener,
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
): void {
  request.url = target
  void listener(request, response as Parameters<RequestListener>[1])
}

function pass(response: ServerResponse, next: ((error?: unknown) => void) | undefined): void {
  if (next !== undefined) {
    next()
    return
  }
  response.writeHead(404, { 'content-length': '0' })
  response.end()
}

function fail(
  response: ServerResponse,
  next: ((error?: unknown) => void) | undefined,
  error: unknown,
): void {
  if (next !== undefined) {
    next(error)
    return
  }
  response.writeHead(503, { 'content-length': '0', 'retry-after': '5' })
  response.end()
}
