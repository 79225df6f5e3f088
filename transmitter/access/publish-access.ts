import { createHash, timingSafeEqual } from 'node:crypto'
import path from 'node:path'
import type { FastifyRequest } from 'fastify'
import { digestOf } from '../../protocol/index.ts'
import {
  ensureDirectory,
  type FileSystem,
  nodeRandomness,
  readFileIfPresent,
  writeFileDurably,
} from '../../store/durable-files/index.ts'
import type { ServerRecords, TokenRecord } from '../../store/server-records/index.ts'
import { transmitterError } from '../errors.ts'

/**
 * Who may upload. A token alone publishes nothing: a commit must carry the publisher's signatures.
 * The transmitter's own token lies under its home, so that a publisher with the same home finds it.
 */
export class PublishAccess {
  readonly #records: ServerRecords
  readonly #own: string

  private constructor(records: ServerRecords, own: string) {
    this.#records = records
    this.#own = own
  }

  static async open(options: {
    readonly fs: FileSystem
    readonly records: ServerRecords
    /** `HOME/transmitter` */
    readonly directory: string
  }): Promise<PublishAccess> {
    const { fs, records, directory } = options
    const file = path.join(directory, 'publish-token')
    const found = await readFileIfPresent(fs, file, { bytesMax: 1024 })
    let token = found?.toString('utf8').trim() ?? ''
    if (token === '') {
      token = `lwp_${Buffer.from(nodeRandomness.bytes(32)).toString('base64url')}`
      await ensureDirectory(fs, directory, { mode: 0o700 })
      await writeFileDurably(fs, file, `${token}\n`, { mode: 0o600 })
    }
    return new PublishAccess(records, token)
  }

  /** @throws LW_TRANSMIT_TOKEN */
  async requirePublisher(request: FastifyRequest, channel: string): Promise<void> {
    const match = /^Bearer ([\x21-\x7e]{1,512})$/.exec(request.headers.authorization ?? '')
    const token = match?.[1]
    if (token !== undefined) {
      if (isSame(token, this.#own)) return
      const record = await this.#records.tokens.findByHash(digestOf(token))
      if (record !== undefined && mayPublish(record, channel)) return
    }
    throw transmitterError('LW_TRANSMIT_TOKEN', {
      next: 'Give --token or LONGWAVE_TOKEN; on the transmitter: longwave user token.',
    })
  }
}

/** Compares in a time that does not tell where the difference is. */
function isSame(a: string, b: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(a), hash(b))
}

function mayPublish(record: TokenRecord, channel: string): boolean {
  if (record.scope !== 'publish') return false
  if (record.expiresAtMs !== undefined && record.expiresAtMs < Date.now()) return false
  const pattern = record.channels
  return pattern.endsWith('*') ? channel.startsWith(pattern.slice(0, -1)) : pattern === channel
}
