import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Digest } from '../protocol/index.ts'
import { BufferPool } from './buffer-pool.ts'
import { type ByteRange, parseByteRange } from './byte-range.ts'
import type { ServingCounters } from './counters.ts'
import { servingError } from './errors.ts'
import { matchHolds, noneMatchHolds } from './entity-tags.ts'
import { closeObject, type OpenObject, transferObject } from './object-transfer.ts'
import { type HotHeaders, readHotHeaders } from './raw-headers.ts'
import type { SlowClients } from './slow-clients.ts'

/** What is said about an object in its headers. */
export interface ObjectFacts {
  readonly size: number
  /** Strong entity tag with its quotes. */
  readonly etag: string
  readonly mime: string
  /** The URL names the bytes, so that they never change. */
  readonly immutable: boolean
  /** SHA-256 of the whole, for Repr-Digest (RFC 9530). */
  readonly digest?: Digest
  /** Cache-Control, when it is not what `immutable` implies. */
  readonly cacheControl?: string
  /** More headers: names and values by turns. */
  readonly headers?: readonly string[]
}

/** An object with its header lists built, to be kept with its bytes. */
export interface DescribedObject {
  readonly facts: ObjectFacts
  /** Headers that every answer carries, 304 included. */
  readonly shared: readonly string[]
  readonly whole: string[]
}

/** An object's bytes in memory, or open. */
export type ObjectSource = { readonly kind: 'bytes'; readonly bytes: Uint8Array } | OpenObject

/** Builds an object's header lists. */
export function describeObject(facts: ObjectFacts): DescribedObject {
  const cacheControl =
    facts.cacheControl ?? (facts.immutable ? 'public, max-age=31536000, immutable' : 'no-cache')
  const shared = ['ETag', facts.etag, 'Cache-Control', cacheControl, ...(facts.headers ?? [])]
  const described = [...shared]
  if (facts.digest !== undefined) {
    const value = Buffer.from(facts.digest, 'hex').toString('base64')
    described.push('Repr-Digest', `sha-256=:${value}:`)
  }
  described.push('Accept-Ranges', 'bytes', 'X-Content-Type-Options', 'nosniff')
  const whole = [...described, 'Content-Type', facts.mime, 'Content-Length', String(facts.size)]
  return { facts, shared, whole }
}

/** The tag of an object that is addressed by its hash. */
export function etagOfDigest(digest: Digest): string {
  return `"${digest}"`
}

/** What `ObjectSender` takes. */
export interface ObjectSenderParts {
  readonly counters: ServingCounters
  readonly slowClients: SlowClients
  /** Answers with a problem, which no cache keeps; with more header fields by turns. */
  readonly answerError: (
    exchange: { readonly request: IncomingMessage; readonly response: ServerResponse },
    error: unknown,
    fields: readonly string[],
  ) => void
}

/** Answers GET and HEAD for objects: conditions, ranges, bodies with back-pressure. */
export class ObjectSender {
  readonly #counters: ServingCounters
  readonly #slowClients: SlowClients
  readonly #answerError: ObjectSenderParts['answerError']
  readonly #pool = new BufferPool()

  constructor({ counters, slowClients, answerError }: ObjectSenderParts) {
    this.#counters = counters
    this.#slowClients = slowClients
    this.#answerError = answerError
  }

  /**
   * Answers a request with an object and closes its source whatever happens. The response must
   * be untouched.
   * @param headers the request's fields, when they were read already
   */
  send(
    exchange: { readonly request: IncomingMessage; readonly response: ServerResponse },
    object: DescribedObject,
    source: ObjectSource,
    headers: HotHeaders = readHotHeaders(exchange.request),
  ): void {
    const { request, response } = exchange
    const early = this.#answerFromHead(exchange, object, headers)
    if (early) {
      release(source)
      return
    }
    const range = request.method === 'GET' ? rangeOf(headers, object.facts) : wholeRange
    const { size } = object.facts
    switch (range.kind) {
      case 'unsatisfiable':
        release(source)
        this.#answerError(exchange, servingError('LW_SERVE_RANGE'), [
          'ETag',
          object.facts.etag,
          'Content-Range',
          `bytes */${size}`,
        ])
        return
      case 'whole':
        this.#counters.objectsWhole += 1
        response.writeHead(200, object.whole)
        this.#sendBody(exchange, source, 0, size)
        return
      case 'part':
        this.#counters.objectsPart += 1
        response.writeHead(206, partHeaders(object, range.first, range.last))
        this.#sendBody(exchange, source, range.first, range.last + 1)
        return
    }
  }

  /** RFC 9110 §13.2.2: If-Match first, then If-None-Match. */
  #answerFromHead(
    exchange: { readonly request: IncomingMessage; readonly response: ServerResponse },
    object: DescribedObject,
    headers: HotHeaders,
  ): boolean {
    const { response } = exchange
    const { etag } = object.facts
    if (headers.ifMatch !== undefined && !matchHolds(headers.ifMatch, etag)) {
      this.#answerError(exchange, servingError('LW_SERVE_PRECONDITION'), ['ETag', etag])
      return true
    }
    if (headers.ifNoneMatch !== undefined && noneMatchHolds(headers.ifNoneMatch, etag)) {
      this.#counters.objectsUnchanged += 1
      response.writeHead(304, [...object.shared])
      response.end()
      return true
    }
    return false
  }

  #sendBody(
    exchange: { readonly request: IncomingMessage; readonly response: ServerResponse },
    source: ObjectSource,
    start: number,
    end: number,
  ): void {
    const { request, response } = exchange
    if (request.method === 'HEAD' || start === end || response.destroyed) {
      release(source)
      response.end()
      return
    }
    if (source.kind === 'bytes') {
      this.#sendBytes(response, source.bytes, start, end)
      return
    }
    transferObject({
      response,
      source,
      start,
      end,
      pool: this.#pool,
      slowClients: this.#slowClients,
      done: (outcome, bytes) => {
        this.#counters.objectBytes += bytes
        if (outcome !== 'complete') this.#counters.objectsBroken += 1
      },
    })
  }

  /** Head and body leave in one system call. */
  #sendBytes(response: ServerResponse, bytes: Uint8Array, start: number, end: number): void {
    const whole = start === 0 && end === bytes.byteLength
    this.#counters.objectsFromMemory += 1
    this.#counters.objectBytes += end - start
    response.end(whole ? bytes : bytes.subarray(start, end))
    if ((response.socket?.writableLength ?? 0) > 0) {
      this.#slowClients.watchResponse(response)
    }
  }
}

const wholeRange: ByteRange = { kind: 'whole' }

/** RFC 9110 §13.1.5: a range counts only while If-Range, when given, names the exact tag. */
function rangeOf(headers: HotHeaders, facts: ObjectFacts): ByteRange {
  if (headers.range === undefined) return wholeRange
  if (headers.ifRange !== undefined && headers.ifRange.trim() !== facts.etag) return wholeRange
  return parseByteRange(headers.range, facts.size)
}

function partHeaders(object: DescribedObject, first: number, last: number): string[] {
  // The last two of the list are the length of the whole.
  return [
    ...object.whole.slice(0, -2),
    'Content-Range',
    `bytes ${first}-${last}/${object.facts.size}`,
    'Content-Length',
    String(last - first + 1),
  ]
}

function release(source: ObjectSource): void {
  if (source.kind !== 'bytes') closeObject(source)
}
