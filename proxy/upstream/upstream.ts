import type { Readable } from 'node:stream'
import { errors } from 'undici'
import { proxyError } from '../errors.ts'
import { proxyLimits as limits } from '../limits.ts'
import type { ProxyMeasures } from '../measures.ts'
import type { Lane, UpstreamConnections } from './connections.ts'
import type { Fields } from './header-fields.ts'

/** A request to an origin. */
export interface UpstreamRequest {
  readonly origin: string
  readonly path: string
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly lane: Lane
  readonly fields: Fields
  readonly body?: Buffer
  readonly signal?: AbortSignal
}

/** The head of an answer, with its body to come. */
export interface UpstreamAnswer {
  readonly status: number
  readonly headers: Fields
  readonly body: Readable
}

/** An answer that was read whole. */
export interface UpstreamDocument {
  readonly status: number
  readonly headers: Fields
  readonly bytes: Buffer
}

/** Asks origins. Never follows a redirect; the answer to one is an error. */
export class Upstream {
  readonly #connections: UpstreamConnections
  readonly #measures: ProxyMeasures

  constructor(connections: UpstreamConnections, measures: ProxyMeasures) {
    this.#connections = connections
    this.#measures = measures
  }

  /**
   * Sends a request. One whose connection broke before an answer began is sent again: everything
   * that the proxy asks may be asked twice, update requests by their request id.
   * @throws LW_PROXY_UPSTREAM, LW_PROXY_UPSTREAM_SLOW, LW_PROXY_ANSWER
   */
  async ask(request: UpstreamRequest): Promise<UpstreamAnswer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#send(request)
      } catch (error) {
        if (request.signal?.aborted === true) throw error
        if (attempt < limits.attemptsMax && isBrokenConnection(error)) continue
        this.#measures.upstreamErrors += 1
        throw upstreamError(error)
      }
    }
  }

  /** Asks for an answer that is small. @throws as `ask` does */
  async askDocument(request: UpstreamRequest, bytesMax: number): Promise<UpstreamDocument> {
    const answer = await this.ask(request)
    return { ...answer, bytes: await readWhole(answer, bytesMax) }
  }

  async #send(request: UpstreamRequest): Promise<UpstreamAnswer> {
    const { dispatcher, pathPrefix, proxyFields } = this.#connections.to(
      request.origin,
      request.lane,
    )
    const answer = await dispatcher.request({
      method: request.method,
      path: `${pathPrefix}${request.path}`,
      headers: { ...request.fields, ...proxyFields },
      body: request.body ?? null,
      idempotent: true,
      // Others may be sent behind it before its answer has come.
      blocking: false,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    })
    const headers = flatten(answer.headers)
    if (answer.statusCode >= 300 && answer.statusCode < 400 && answer.statusCode !== 304) {
      discard(answer.body)
      throw proxyError('LW_PROXY_ANSWER', { detail: 'It sends its askers elsewhere.' })
    }
    return { status: answer.statusCode, headers, body: answer.body }
  }
}

/** Reads a body that must be small. @throws LW_PROXY_ANSWER */
export async function readWhole(answer: UpstreamAnswer, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength
      if (bytes > bytesMax) break
      chunks.push(chunk)
    }
  } catch (error) {
    throw upstreamError(error)
  }
  if (bytes > bytesMax) {
    throw proxyError('LW_PROXY_ANSWER', { detail: `It has more than ${bytesMax} bytes.` })
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
}

/** Gives up a body that nobody reads. */
export function discard(body: Readable): void {
  body.on('error', () => undefined)
  body.destroy()
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Fields {
  const fields: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) fields[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return fields
}

function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown } | null)?.code ?? '')
}

/** Broke before an answer: the origin may have closed an idle connection just then. */
function isBrokenConnection(error: unknown): boolean {
  return ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(codeOf(error))
}

/** Turns what the HTTP client throws into ours. */
export function upstreamError(cause: unknown): Error {
  if (cause instanceof Error && codeOf(cause).startsWith('LW_')) return cause
  if (
    cause instanceof errors.HeadersTimeoutError ||
    cause instanceof errors.BodyTimeoutError ||
    cause instanceof errors.ConnectTimeoutError
  ) {
    return proxyError('LW_PROXY_UPSTREAM_SLOW', { cause, retryAfterSeconds: 5 })
  }
  return proxyError('LW_PROXY_UPSTREAM', { cause, retryAfterSeconds: 2 })
}
