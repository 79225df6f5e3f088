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

  /** Whether the field carries a token with which this channel may be published. */
  async isPublisher(authorization: string | undefined, channel: string): Promise<boolean> {
    const token = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return false
    // Equal length, and a time that does not tell where the difference is.
    if (timingSafeEqual(hashOf(token), this.#own)) return true
    const record = await this.#options.records.tokens.findByHash(digestOf(token))
    return record !== undefined && mayPublish(record, channel, this.#options.clock.now())
  }

  /** Tells the channels that the field's token opens to a repeater; undefined when it is none. */
  async repeaterGrant(
    authorization: string | undefined,
  ): Promise<((channel: string) => boolean) | undefined> {
    const token = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return undefined
    if (timingSafeEqual(hashOf(token), this.#own)) return () => true
    const record = await this.#options.records.tokens.findByHash(digestOf(token))
    if (record?.scope !== 'repeater' || isOver(record, this.#options.clock.now())) return undefined
    return (channel) => isMeant(record, channel)
  }
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function mayPublish(record: TokenRecord, channel: string, nowMs: number): boolean {
  return record.scope === 'publish' && !isOver(record, nowMs) && isMeant(record, channel)
}

function isOver(record: TokenRecord, nowMs: number): boolean {
  return record.expiresAtMs !== undefined && record.expiresAtMs <= nowMs
}

function isMeant(record: TokenRecord, channel: string): boolean {
  const pattern = record.channels
  return pattern.endsWith('*') ? channel.startsWith(pattern.slice(0, -1)) : pattern === channel
}
