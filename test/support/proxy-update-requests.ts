import { randomBytes } from 'node:crypto'
import { createTunerIdentity, signRequest } from '../../trust/index.ts'
import type { FakeOrigin } from './proxy-origin.ts'

/** A body with the signature that travels beside it. */
export interface Message {
  readonly body: Buffer
  readonly signature: string
}

interface Entry {
  readonly sequence: number
  readonly data: string
}

/** A signed update request of a tuner of its own, with one entry of feedback. */
export function updateRequest(at: number): Message {
  const { tunerId, keys } = createTunerIdentity()
  const body = Buffer.from(
    JSON.stringify({
      format: 'longwave-update-1',
      channel: 'c'.repeat(64),
      request: randomBytes(16).toString('hex'),
      tuner: tunerId,
      manifest: null,
      release: 0,
      rootVersion: 1,
      zoneMinutes: 0,
      formats: [],
      feedback: {
        epoch: 'e'.repeat(32),
        entries: [
          {
            sequence: 1,
            at: '2026-01-01T00:00:00Z',
            type: 'text/plain',
            data: Buffer.from(`feedback ${at}`).toString('base64'),
          },
        ],
      },
    }),
  )
  return { body, signature: signRequest(body, keys) }
}

/** What an origin has logged. */
export interface OriginLog {
  /** Entries by tuner, epoch and sequence, as an origin keeps them. */
  readonly entries: Map<string, string>
  /** Requests as they arrived. */
  readonly received: Message[]
}

/** The origin's end of the wire: it logs before it acknowledges, and an entry only once. */
export function serveUpdates(
  origin: FakeOrigin,
  answer: unknown,
  losesAnswer: (at: number) => boolean = () => false,
): OriginLog {
  const log: OriginLog = { entries: new Map(), received: [] }
  origin.on('/site/update', (request, response) => {
    const { body, headers } = request
    log.received.push({ body, signature: String(headers['longwave-tuner']) })
    const message = JSON.parse(body.toString()) as {
      readonly request: string
      readonly tuner: string
      readonly feedback: { readonly epoch: string; readonly entries: readonly Entry[] }
    }
    for (const { sequence, data } of message.feedback.entries) {
      log.entries.set(`${message.tuner} ${message.feedback.epoch} ${sequence}`, data)
    }
    if (losesAnswer(log.received.length)) {
      response.socket?.destroy()
      return
    }
    const text = JSON.stringify({ request: message.request, ...(answer as object) })
    response.writeHead(200, {
      'content-type': 'application/json',
      'cache-control': 'private, no-store',
      'content-length': String(Buffer.byteLength(text)),
    })
    response.end(text)
  })
  return log
}
