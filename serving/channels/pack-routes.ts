import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  type ChannelName,
  type Digest,
  limits as formatLimits,
  mediaTypes,
  packRequestBytesMax,
  parsePackRequest,
} from '../../protocol/index.ts'
import type { StoredObject } from '../../store/objects/index.ts'
import { servingError } from '../errors.ts'
import { servingLimits as limits } from '../limits.ts'
import type { ChannelView } from './channel-catalogue.ts'
import type { ChannelParams } from './channel-routes.ts'
import type { ContentRoutesOptions } from './content-routes.ts'
import { packBody } from './pack-body.ts'
import { setAside } from './set-aside.ts'

/** What `addPackRoutes` takes of the options of all content. */
export type PackRoutesOptions = Pick<
  ContentRoutesOptions,
  | 'server'
  | 'catalogue'
  | 'objects'
  | 'records'
  | 'requireReader'
  | 'noChannel'
  | 'noObject'
  | 'onSent'
>

/**
 * `POST /NAME/objects`: many small objects in one answer (docs/formats/wire.md). As with single
 * objects, each is answered only when the channel refers to it.
 */
export function addPackRoutes(options: PackRoutesOptions): void {
  const packs = new Packs(options)
  void options.server.app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      mediaTypes.octets,
      { parseAs: 'buffer', bodyLimit: packRequestBytesMax },
      (_request, body, done) => done(null, body),
    )
    scope.post<ChannelParams>('/:name/objects', { bodyLimit: packRequestBytesMax }, (...asked) =>
      packs.answer(...asked),
    )
  })
}

class Packs {
  readonly #options: PackRoutesOptions
  #running = 0

  constructor(options: PackRoutesOptions) {
    this.#options = options
  }

  async answer(request: FastifyRequest<ChannelParams>, reply: FastifyReply): Promise<FastifyReply> {
    const { catalogue, noChannel } = this.#options
    const view = catalogue.find(request.params.name)
    if (view === undefined) throw noChannel()
    await this.#options.requireReader(view, request.raw)
    const digests = Buffer.isBuffer(request.body) ? parsePackRequest(request.body) : undefined
    if (digests === undefined) {
      throw servingError('LW_SERVE_REQUEST', { detail: 'The body is no list of digests.' })
    }
    if (this.#running >= limits.packsMax) {
      throw servingError('LW_SERVE_PACKS_BUSY', { retryAfterSeconds: limits.packRetrySeconds })
    }
    this.#running += 1
    try {
      await this.#send(view, digests, reply)
    } finally {
      this.#running -= 1
    }
    return reply
  }

  async #send(
    { record }: ChannelView,
    digests: readonly Digest[],
    reply: FastifyReply,
  ): Promise<void> {
    const { name, access } = record
    const { server, objects, onSent } = this.#options
    const caching = access === 'open' ? 'no-store' : 'private, no-store'
    const wanted = await this.#find(name, digests)
    reply.hijack()
    try {
      const { bytes } = await server.sendStream(reply.raw, {
        headers: ['Content-Type', mediaTypes.pack, 'Cache-Control', caching, ...plain],
        body: packBody({
          store: objects,
          objects: wanted,
          onLost: (digest) => setAside(this.#options, digest),
        }),
        lifetimeMs: limits.packMs,
      })
      onSent?.(name, 'pack', bytes)
    } catch (error) {
      // Its reader saw the connection break; objects that are lost were put aside.
      server.logger.error({ err: error }, 'a pack of objects broke off')
    }
  }

  /** Nothing is sent before every object was found. @throws LW_SERVE_PACK_TOO_LARGE */
  async #find(name: ChannelName, digests: readonly Digest[]): Promise<readonly StoredObject[]> {
    const { records, noObject } = this.#options
    const found: StoredObject[] = []
    let bytes = 0
    for (const digest of digests) {
      // The records answer at once, without a turn for others.
      if (found.length % limits.packLookupsPerTurn === 0) await otherRequests()
      const size = await records.referencedSize(name, digest)
      if (size === undefined) throw noObject()
      bytes += size
      if (size > formatLimits.packObjectBytesMax || bytes > formatLimits.packBytesMax) {
        throw servingError('LW_SERVE_PACK_TOO_LARGE')
      }
      found.push({ digest, size })
    }
    return found
  }
}

const plain = ['X-Content-Type-Options', 'nosniff']

function otherRequests(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
