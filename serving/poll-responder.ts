import { noneMatchHolds } from './entity-tags.ts'
import type { HotHandler } from './hot-routes.ts'
import type { ServingCounters } from './counters.ts'

/** A small document that is answered from memory, over and over. */
export interface PollDocument {
  readonly bytes: Uint8Array
  /** Strong entity tag with its quotes. */
  readonly etag: string
  readonly mime: string
  /** E.g. `max-age=0, s-maxage=5`. */
  readonly cacheControl: string
}

/** Answers polls of one document, which can be replaced at any time. */
export interface PollResponder {
  readonly handler: HotHandler
  readonly document: PollDocument
  replace(document: PollDocument): void
}

interface Prepared {
  readonly document: PollDocument
  readonly full: string[]
  readonly unchanged: string[]
}

export interface PollResponderOptions {
  readonly counters?: ServingCounters
  /** How old the document is where it is a copy: it becomes `Age` (RFC 9111 §5.1). */
  ageMs?(): number
}

/** Header lists are built once per document, not once per request; only `Age` changes. */
export function pollResponder(
  document: PollDocument,
  options: PollResponderOptions = {},
): PollResponder {
  const { counters, ageMs } = options
  const aged = (fields: string[]): string[] =>
    ageMs === undefined ? fields : [...fields, 'Age', String(Math.floor(ageMs() / 1000))]
  let current = prepare(document)
  const handler: HotHandler = (request, response, headers) => {
    const { ifNoneMatch } = headers
    const now = current
    if (ifNoneMatch !== undefined && noneMatchHolds(ifNoneMatch, now.document.etag)) {
      if (counters !== undefined) counters.pollsUnchanged += 1
      response.writeHead(304, aged(now.unchanged))
      response.end()
      return true
    }
    if (counters !== undefined) counters.pollsChanged += 1
    response.writeHead(200, aged(now.full))
    response.end(request.method === 'HEAD' ? undefined : now.document.bytes)
    return true
  }
  return {
    handler,
    get document() {
      return current.document
    },
    replace(next) {
      current = prepare(next)
    },
  }
}

function prepare(document: PollDocument): Prepared {
  const unchanged = ['ETag', document.etag, 'Cache-Control', document.cacheControl]
  return {
    document,
    unchanged,
    full: [
      'Content-Type',
      document.mime,
      'Content-Length',
      String(document.bytes.byteLength),
      ...unchanged,
      'X-Content-Type-Options',
      'nosniff',
    ],
  }
}
