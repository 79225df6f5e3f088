import { createHash, timingSafeEqual } from 'node:crypto'
import path from 'node:path'
import { digestOf } from '../../protocol/index.ts'
import type { FileSystem } from '../../store/durable-files/index.ts'
import type { ServerRecords, TokenRecord } from '../../store/server-records/index.ts'
import { transmitterError } from '../errors.ts'
import { newToken } from './publish-tokens.ts'
import { loadOrMakeSecret } from './secret-file.ts'

/** Where the transmitter's own token lies, below its folder. */
export const ownTokenFile = 'publish-token'

export interface PublishAccessOptions {
  readonly fs: FileSystem
  readonly records: ServerRecords
  /** `HOME/transmitter` or `--data`. */
  readonly directory: string
  readonly clock: { now(): number }
}

/** What a repeater's token opens. */
export interface RepeaterGrant {
  opens(channel: string): boolean
  /** Whether its holder is the repeater of this URL. */
  speaksFor(url: string): Promise<boolean>
}

/** The setting that holds the URL of a repeater's token. */
export function repeaterUrlKey(id: string): string {
  return `repeater-url:${id}`
}

/**
 * Who may upload. A token alone publishes nothing: a commit must carry the publisher's signatures.
 * The transmitter's own token lies in its folder, so that a publisher with the same home finds it.
 */
export class PublishAccess {
  readonly #options: PublishAccessOptions
  readonly #own: Buffer

  private constructor(options: PublishAccessOptions, own: string) {
    this.#options = options
    this.#own = hashOf(own)
  }

  static async open(options: PublishAccessOptions): Promise<PublishAccess> {
    const file = path.join(options.directory, ownTokenFile)
    const text = await loadOrMakeSecret(options.fs, file, () => `${newToken()}\n`)
    return new PublishAccess(options, text.trim())
  }

  /**
   * @param authorization the request's field of that name
   * @throws LW_TRANSMIT_TOKEN
   */
  async requirePublisher(authorization: string | undefined, channel: string): Promise<void> {
    if (await this.isPublisher(authorization, channel)) return
    throw transmitterError('LW_TRANSMIT_TOKEN', {
      next: 'Give --token or LONGWAVE_TOKEN; on the transmitter: longwave user token.',
    })
  }

  /**
   * Whether the field carries a token with which this channel may be published. Bearer alone counts:
   * a browser sends a Basic one by itself, also with a form of another site.
   */
  async isPublisher(authorization: string | undefined, channel: string): Promise<boolean> {
    const token = bearerOf(authorization)
    if (token === undefined) return false
    // Equal length, and a time that does not tell where the difference is.
    if (timingSafeEqual(hashOf(token), this.#own)) return true
    const record = await this.#options.records.tokens.findByHash(digestOf(token))
    return record !== undefined && this.#opens(record, ['publish'], channel)
  }

  /**
   * Whether the field carries a token with which this channel may be read: any that is for it, also
   * as the password of a Basic field, so that a browser can show a closed channel.
   */
  async isReader(authorization: string | undefined, channel: string): Promise<boolean> {
    return (await this.readerGrant(authorization))(channel)
  }

  /** Tells which channels the field's token lets its holder read: any that is for them. */
  async readerGrant(authorization: string | undefined): Promise<(channel: string) => boolean> {
    const token = bearerOf(authorization) ?? passwordOf(authorization)
    if (token === undefined) return () => false
    if (timingSafeEqual(hashOf(token), this.#own)) return () => true
    const record = await this.#options.records.tokens.findByHash(digestOf(token))
    if (record === undefined) return () => false
    return (channel) => this.#opens(record, ['read', 'publish', 'repeater'], channel)
  }

  #opens(record: TokenRecord, scopes: readonly string[], channel: string): boolean {
    const isOver = isExpired(record, this.#options.clock.now())
    return scopes.includes(record.scope) && !isOver && isMeant(record, channel)
  }

  /** Tells the channels that the field's token opens to a repeater; undefined when it is none. */
  async repeaterGrant(authorization: string | undefined): Promise<RepeaterGrant | undefined> {
    const token = bearerOf(authorization)
    if (token === undefined) return undefined
    if (timingSafeEqual(hashOf(token), this.#own)) {
      return { opens: () => true, speaksFor: async () => true }
    }
    const { records, clock } = this.#options
    const record = await records.tokens.findByHash(digestOf(token))
    if (record?.scope !== 'repeater' || isExpired(record, clock.now())) return undefined
    return {
      opens: (channel) => isMeant(record, channel),
      speaksFor: (url) => this.#speaksFor(record, url),
    }
  }

  /** A token is one repeater's: the first URL that it speaks for stays its only one. */
  async #speaksFor({ id }: TokenRecord, url: string): Promise<boolean> {
    const { settings } = this.#options.records
    const key = repeaterUrlKey(id)
    // Of two that come at once only one is noted; both learn which.
    return ((await settings.get(key)) ?? (await settings.setOnce(key, url))) === url
  }
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function bearerOf(authorization = ''): string | undefined {
  return /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization)?.[1]
}

/** The password of a Basic field, whose name is anybody's. */
function passwordOf(authorization = ''): string | undefined {
  const basic = /^Basic ([\w+/=]{1,1024})$/i.exec(authorization)?.[1]
  if (basic === undefined) return undefined
  return /:([\x21-\x7e]{1,512})$/.exec(Buffer.from(basic, 'base64').toString('latin1'))?.[1]
}

function isExpired(record: TokenRecord, nowMs: number): boolean {
  return record.expiresAtMs !== undefined && record.expiresAtMs <= nowMs
}

function isMeant(record: TokenRecord, channel: string): boolean {
  const pattern = record.channels
  return pattern.endsWith('*') ? channel.startsWith(pattern.slice(0, -1)) : pattern === channel
}
