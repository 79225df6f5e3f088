import type { IncomingMessage, ServerResponse } from 'node:http'
import { servingLimits as limits } from './limits.ts'
import { type HotHeaders, readHotHeaders } from './raw-headers.ts'

/**
 * Answers one GET or HEAD request, now or later. `false` hands it on to the ordinary routes, and
 * is allowed only before anything was done with the response.
 */
export type HotHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  headers: HotHeaders,
) => boolean

/** Finds a handler for a path that is not listed by itself; undefined when it is not its own. */
export type HotMatcher = (path: string) => HotHandler | undefined

/**
 * The routes that stand before the framework's router, because a poll costs less than routing
 * it. They are exact: a query, another method or a body, and the request goes the ordinary way.
 */
export class HotRoutes {
  readonly #exact = new Map<string, HotHandler>()
  readonly #matchers: HotMatcher[] = []

  /** Paths that are listed by themselves. */
  get size(): number {
    return this.#exact.size
  }

  /**
   * Lists an exact path, as it stands in the request line.
   * @throws RangeError when there are too many: a programmer's mistake
   */
  set(path: string, handler: HotHandler): void {
    if (!path.startsWith('/')) throw new TypeError(`hot route ${path} is not a path`)
    if (this.#exact.size >= limits.hotRoutesMax && !this.#exact.has(path)) {
      throw new RangeError('too many hot routes')
    }
    this.#exact.set(path, handler)
  }

  delete(path: string): boolean {
    return this.#exact.delete(path)
  }

  /** Adds a family of paths, asked in the order in which they were added. */
  addMatcher(matcher: HotMatcher): void {
    if (this.#matchers.length >= limits.hotMatchersMax) throw new RangeError('too many matchers')
    this.#matchers.push(matcher)
  }

  /** Whether the path is read here. */
  holds(path: string): boolean {
    return this.#exact.has(path) || this.#match(path) !== undefined
  }

  /** Whether the request was taken. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const method = request.method
    if (method !== 'GET' && method !== 'HEAD') return false
    const path = request.url ?? ''
    const handler = this.#exact.get(path) ?? this.#match(path)
    if (handler === undefined) return false
    const headers = readHotHeaders(request)
    return headers.hasBody || !hasOneHost(request, headers)
      ? false
      : handler(request, response, headers)
  }

  #match(path: string): HotHandler | undefined {
    for (const matcher of this.#matchers) {
      const handler = matcher(path)
      if (handler !== undefined) return handler
    }
    return undefined
  }
}

/** What is not so is refused on the ordinary way. */
function hasOneHost(request: IncomingMessage, { hosts }: HotHeaders): boolean {
  return hosts === 1 || (hosts === 0 && request.httpVersionMinor === 0)
}
