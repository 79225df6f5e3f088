import type { IncomingMessage, ServerResponse } from 'node:http'
import { digestOf, limits as formatLimits } from '../../protocol/index.ts'
import { type HotHeaders, noneMatchHolds } from '../../serving/index.ts'
import { proxyLimits as limits } from '../limits.ts'
import type { ProxyMeasures } from '../measures.ts'
import {
  answerFieldList,
  type Fields,
  freshMs,
  isSharable,
  type Upstream,
  type UpstreamDocument,
} from '../upstream/index.ts'

/** The newest `timestamp.json` of a channel, as anybody may read it. */
interface KeptPoll {
  readonly bytes: Buffer
  readonly etag: string
  readonly originEtag: string | undefined
  readonly full: string[]
  readonly unchanged: string[]
}

/** What a question for the poll brought. */
export type PollOutcome =
  | { readonly kind: 'kept' }
  /** The origin did not give it to anybody: its answer, for those who asked. */
  | { readonly kind: 'answer'; readonly answer: UpstreamDocument }

/**
 * The poll of one channel: asked for once for all who want it, again when it is no longer fresh,
 * with its entity tag, so that nothing crosses when nothing changed.
 */
export class ChannelPoll {
  readonly #upstream: Upstream
  readonly #at: { readonly origin: string; readonly path: string }
  readonly #onChange: (bytes: Buffer | undefined, isFirst: boolean) => void
  readonly #measures: ProxyMeasures
  #kept: KeptPoll | undefined
  #freshUntilMs = 0
  #checkedAtMs = Number.NEGATIVE_INFINITY
  #asking: Promise<PollOutcome> | undefined

  constructor(options: {
    readonly upstream: Upstream
    readonly origin: string
    readonly path: string
    readonly measures: ProxyMeasures
    /** Called with every new document, and with nothing when the origin no longer gives one. */
    readonly onChange: (bytes: Buffer | undefined, isFirst: boolean) => void
  }) {
    this.#upstream = options.upstream
    this.#at = options
    this.#onChange = options.onChange
    this.#measures = options.measures
  }

  isFresh(nowMs: number): boolean {
    return this.#kept !== undefined && nowMs < this.#freshUntilMs
  }

  /** Whether the origin was heard of the channel so lately that what is cached still counts. */
  isRecent(nowMs: number): boolean {
    return this.#kept !== undefined && nowMs - this.#checkedAtMs < limits.channelFreshMs
  }

  /** Answers from memory; only after `isFresh` or an outcome `kept`. */
  answer(request: IncomingMessage, response: ServerResponse, headers: HotHeaders): void {
    const kept = this.#kept
    if (kept === undefined) throw new TypeError('there is no poll to answer with')
    const { ifNoneMatch } = headers
    if (ifNoneMatch !== undefined && noneMatchHolds(ifNoneMatch, kept.etag)) {
      response.writeHead(304, kept.unchanged)
      response.end()
      return
    }
    response.writeHead(200, kept.full)
    response.end(request.method === 'HEAD' ? undefined : kept.bytes)
  }

  /** Asks the origin, together with everybody who asks now. */
  refresh(now: () => number): Promise<PollOutcome> {
    this.#asking ??= this.#ask(now).finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #ask(now: () => number): Promise<PollOutcome> {
    const tag = this.#kept?.originEtag
    this.#measures.pollsUpstream += 1
    const answer = await this.#upstream.askDocument(
      {
        origin: this.#at.origin,
        path: this.#at.path,
        method: 'GET',
        lane: 'requests',
        fields: tag === undefined ? {} : { 'if-none-match': tag },
      },
      formatLimits.timestampBytesMax,
    )
    if (answer.status === 304 && this.#kept !== undefined) {
      this.#kept = keep(this.#kept.bytes, answer.headers, this.#kept)
    } else if (answer.status === 200 && isSharable(answer.headers)) {
      const before = this.#kept
      this.#kept = keep(answer.bytes, answer.headers)
      const changed = before?.bytes.equals(answer.bytes) !== true
      if (changed) this.#onChange(answer.bytes, before === undefined)
    } else {
      this.#onChange(undefined, this.#kept === undefined)
      this.#kept = undefined
      return { kind: 'answer', answer }
    }
    this.#checkedAtMs = now()
    const allowedMs = Math.min(freshMs(answer.headers), limits.pollFreshMsMax)
    this.#freshUntilMs = this.#checkedAtMs + allowedMs
    return { kind: 'kept' }
  }
}

function keep(bytes: Buffer, headers: Fields, before?: KeptPoll): KeptPoll {
  const originEtag = headers['etag'] ?? before?.originEtag
  const etag = originEtag ?? `"${digestOf(bytes)}"`
  const cacheControl = headers['cache-control'] ?? 'no-cache'
  const date = headers['date']
  const unchanged = ['ETag', etag, 'Cache-Control', cacheControl]
  // The time at which the origin spoke, not the one at which it was repeated.
  if (date !== undefined) unchanged.push('Date', date)
  const type = headers['content-type'] ?? 'application/json'
  return {
    bytes,
    etag,
    originEtag,
    unchanged,
    full: [
      ...unchanged,
      'Content-Type',
      type,
      'Content-Length',
      String(bytes.byteLength),
      'X-Content-Type-Options',
      'nosniff',
    ],
  }
}

/** The head and body of a small answer that goes back as it came. */
export function sendDocument(
  request: IncomingMessage,
  response: ServerResponse,
  answer: UpstreamDocument,
): void {
  const list = answerFieldList(answer.headers)
  if (answer.status !== 304 && answer.status !== 204) {
    list.push('Content-Length', String(answer.bytes.byteLength))
  }
  response.writeHead(answer.status, list)
  const hasBody = request.method !== 'HEAD' && answer.status !== 304 && answer.status !== 204
  response.end(hasBody ? answer.bytes : undefined)
}
