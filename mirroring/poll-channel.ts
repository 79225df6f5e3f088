import { limits } from '../protocol/index.ts'
import type { Transport } from '../transport/index.ts'
import type { MetadataSource, TrustClient, TrustOutcome } from '../trust/index.ts'

/** How a poll reaches a channel at one server. */
export interface PollOptions {
  readonly transport: Transport
  /** Channel URL at the server. */
  readonly url: string
  /** The trust client of this channel, with what was verified before. */
  readonly client: TrustClient
  /** Entity tag that came with the held timestamp from this server. */
  readonly etag?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** A repeater or cache, which may lag behind. */
  readonly mirror?: boolean
  readonly signal?: AbortSignal
}

export interface PollOutcome {
  readonly trust: TrustOutcome
  readonly etag: string | undefined
  /** Bytes of metadata that crossed the network. */
  readonly receivedBytes: number
  readonly requests: number
}

/**
 * Asks one server for the head of a channel: one conditional request when nothing changed, the TUF
 * client workflow otherwise. On a 304 the held files go through the checks of freshness again.
 * @throws LW_TRUST_…, transfer errors
 */
export async function pollChannel(options: PollOptions): Promise<PollOutcome> {
  const source = new HttpMetadata(options)
  const held = options.client.state?.timestamp !== undefined
  if (held) {
    const polled = await source.poll()
    if (polled !== undefined) {
      const trust = options.client.confirm(polled, source.dateMs())
      if (trust !== undefined) return source.outcome(trust)
    }
  }
  return source.outcome(await options.client.refresh(source))
}

/** Metadata below a channel URL; a timestamp that the poll brought is not asked for again. */
class HttpMetadata implements MetadataSource {
  readonly mirror: boolean
  readonly url: string
  readonly #options: PollOptions
  #timestamp: Uint8Array | undefined
  #etag: string | undefined
  #dateMs: number | undefined
  #receivedBytes = 0
  #requests = 0

  constructor(options: PollOptions) {
    this.#options = options
    this.mirror = options.mirror ?? false
    this.url = options.url
  }

  dateMs(): number | undefined {
    return this.#dateMs
  }

  outcome(trust: TrustOutcome): PollOutcome {
    return {
      trust,
      etag: this.#etag,
      receivedBytes: this.#receivedBytes,
      requests: this.#requests,
    }
  }

  async poll(): Promise<Uint8Array | 'not-modified' | undefined> {
    const { etag } = this.#options
    const answer = await this.#get('timestamp.json', timestampAskBytesMax, etag)
    if (answer === 'not-modified') this.#etag = etag
    else this.#timestamp = answer
    return answer
  }

  async fetch(file: string, bytesMax: number): Promise<Uint8Array | undefined> {
    if (file === 'timestamp.json' && this.#timestamp !== undefined) return this.#timestamp
    const answer = await this.#get(file, bytesMax, undefined)
    return answer === 'not-modified' ? undefined : answer
  }

  async #get(
    file: string,
    bytesMax: number,
    etag: string | undefined,
  ): Promise<Uint8Array | 'not-modified' | undefined> {
    const { transport, url, headers, signal } = this.#options
    this.#requests++
    const answer = await transport.fetchBytes(`${url}/trust/${file}`, {
      headers: { ...headers, ...(etag === undefined ? {} : { 'if-none-match': etag }) },
      ...(signal === undefined ? {} : { signal }),
      bytesMax,
      acceptStatus: [304, 404, 410],
    })
    const date = Date.parse(String(answer.headers['date'] ?? ''))
    if (!Number.isNaN(date)) this.#dateMs = date
    if (answer.status === 304) return etag === undefined ? undefined : 'not-modified'
    if (answer.status !== 200) return undefined
    this.#receivedBytes += answer.bytes.byteLength
    const tag = answer.headers['etag']
    if (file === 'timestamp.json') this.#etag = typeof tag === 'string' ? tag : undefined
    return answer.bytes
  }
}

const timestampAskBytesMax = limits.timestampBytesMax
