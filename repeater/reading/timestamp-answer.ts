import { type HotHandler, noneMatchHolds, type ServingCounters } from '../../serving/index.ts'

/** The bytes of `timestamp.json` with their entity tag. */
export interface TimestampDocument {
  readonly bytes: Uint8Array
  readonly etag: string
}

/** Answers polls of one channel from memory. */
export interface TimestampAnswer {
  readonly handler: HotHandler
  replace(document: TimestampDocument): void
}

/**
 * A transmitter's answer with one field more: `Age` (RFC 9111 §5.1) says how long ago the repeater
 * last compared the channel with its origin, so that a tuner can tell a lagging one.
 */
export function timestampAnswer(ageMs: () => number, counters: ServingCounters): TimestampAnswer {
  let current: TimestampDocument = { bytes: new Uint8Array(0), etag: '""' }
  const handler: HotHandler = (request, response, { ifNoneMatch }) => {
    const { bytes, etag } = current
    const shared = [
      'ETag',
      etag,
      'Cache-Control',
      'public, max-age=0, s-maxage=5',
      'Age',
      String(Math.floor(ageMs() / 1000)),
    ]
    if (ifNoneMatch !== undefined && noneMatchHolds(ifNoneMatch, etag)) {
      counters.pollsUnchanged += 1
      response.writeHead(304, shared)
      response.end()
      return true
    }
    counters.pollsChanged += 1
    response.writeHead(200, [
      'Content-Type',
      'application/json',
      'Content-Length',
      String(bytes.byteLength),
      ...shared,
      'X-Content-Type-Options',
      'nosniff',
    ])
    response.end(request.method === 'HEAD' ? undefined : bytes)
    return true
  }
  return {
    handler,
    replace(document) {
      current = document
    },
  }
}
