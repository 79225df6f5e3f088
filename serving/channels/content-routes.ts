import { open } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { type ChannelName, type Digest, isChannelName, mediaTypes } from '../../protocol/index.ts'
import type { ObjectReader, ObjectStore } from '../../store/objects/index.ts'
import type { ServerRecords } from '../../store/server-records/index.ts'
import type { HotHandler } from '../hot-routes.ts'
import type { HttpServer } from '../http-server.ts'
import { ObjectCache, type OpenedObject, type RawExchange } from '../object-cache.ts'
import { type DescribedObject, describeObject, etagOfDigest } from '../object-sender.ts'
import type { HotHeaders } from '../raw-headers.ts'
import type { ChannelCatalogue, ChannelView } from './channel-catalogue.ts'
import { addPackRoutes } from './pack-routes.ts'
import { setAside } from './set-aside.ts'

/** The forms in which content lies at a channel. */
type StoredForm = 'plain' | 'br' | 'bundle'

/** Those in which it is sent; a pack is made of objects for one asker. */
export type ContentForm = StoredForm | 'pack'

export interface ContentRoutesOptions {
  readonly server: HttpServer
  readonly catalogue: Pick<ChannelCatalogue, 'find'>
  readonly objects: ObjectStore
  readonly records: Pick<ServerRecords, 'referencedSize' | 'bundles'>
  /** Lets the readers of a closed channel through. @throws when it is none of them */
  requireReader(view: ChannelView, request: IncomingMessage): Promise<void> | void
  readonly noChannel: () => Error
  readonly noObject: () => Error
  /** Somebody asked for a compressed form that is not there. */
  wantCompressed(object: { readonly digest: Digest; readonly size: number }): void
  /** Told of content that is sent whole, and of packs as far as they were sent. */
  onSent?(name: ChannelName, form: ContentForm, bytes: number): void
}

interface Wanted {
  readonly name: ChannelName
  readonly digest: Digest
  readonly form: StoredForm
}

interface Opening extends Wanted {
  readonly size: number | 'bundle'
  /** Told of the bytes when they are known. */
  readonly note?: ((bytes: number) => void) | undefined
  readonly isPrivate?: boolean
}

const objectPath = /^\/([a-z0-9][a-z0-9._-]{0,63})\/objects\/([0-9a-f]{64})(\.br)?$/
const bundlePath = /^\/([a-z0-9][a-z0-9._-]{0,63})\/deltas\/\d{1,10}\.\.\d{1,10}\/([0-9a-f]{64})$/

/**
 * Objects, their precompressed forms and bundles, taken before the router, and packs of objects. An
 * object is served only when the channel refers to it: knowing a hash grants nothing.
 */
export function addContentRoutes(options: ContentRoutesOptions): void {
  addPackRoutes(options)
  const routes = new ContentRoutes(options)
  options.server.hot.addMatcher((path) => {
    const wanted = parsePath(path)
    return wanted === undefined ? undefined : routes.handlerOf(wanted)
  })
}

function parsePath(path: string): Wanted | undefined {
  const object = objectPath.exec(path)
  if (object !== null && isChannelName(object[1])) {
    const form = object[3] === undefined ? 'plain' : 'br'
    return { name: object[1], digest: object[2] as Digest, form }
  }
  const bundle = bundlePath.exec(path)
  if (bundle === null || !isChannelName(bundle[1])) return undefined
  return { name: bundle[1], digest: bundle[2] as Digest, form: 'bundle' }
}

class ContentRoutes {
  readonly #options: ContentRoutesOptions
  readonly #cache: ObjectCache

  constructor(options: ContentRoutesOptions) {
    this.#options = options
    const { server } = options
    this.#cache = new ObjectCache({
      sender: server.objects,
      answerError: server.answerError,
      onDamaged: (key) => this.#setAside(key),
    })
  }

  handlerOf(wanted: Wanted): HotHandler {
    return (request, response, headers) => {
      const exchange = { request, response }
      this.#serve(wanted, exchange, headers).catch((error: unknown) =>
        this.#options.server.answerError(exchange, error),
      )
      return true
    }
  }

  async #serve(wanted: Wanted, exchange: RawExchange, headers: HotHeaders): Promise<void> {
    const { catalogue, server, noChannel, noObject } = this.#options
    const view = catalogue.find(wanted.name)
    if (view === undefined) throw noChannel()
    const isOpen = view.record.access === 'open'
    // Node builds its header object when it is asked for, which open channels do without.
    if (!isOpen) await this.#options.requireReader(view, exchange.request)
    const size = await this.#referencedSize(wanted)
    if (size === undefined) throw noObject()
    const note = isWholeRequest(exchange, headers) ? this.#noteOf(wanted) : undefined
    if (isOpen) {
      const key = `${wanted.digest}:${wanted.form}`
      const kept = this.#cache.memory.get(key)
      if (kept !== undefined) note?.(kept.object.facts.size)
      this.#cache.send(exchange, key, () => this.#open({ ...wanted, size, note }), headers)
      return
    }
    const opened = await this.#open({ ...wanted, size, note, isPrivate: true })
    server.objects.send(exchange, opened.object, opened.source, headers)
  }

  /** The object's bytes when the channel refers to it; of bundles only that it does. */
  async #referencedSize({ name, digest, form }: Wanted): Promise<number | 'bundle' | undefined> {
    const { records } = this.#options
    if (form !== 'bundle') return records.referencedSize(name, digest)
    return (await records.bundles.holds(name, digest)) ? 'bundle' : undefined
  }

  async #open(wanted: Opening): Promise<OpenedObject> {
    const { objects, noObject } = this.#options
    const { digest, form, size } = wanted
    const reader =
      form === 'br' ? await objects.openVariant(digest, 'br') : await objects.open(digest)
    if (reader === undefined) {
      if (form === 'br' && size !== 'bundle') this.#options.wantCompressed({ digest, size })
      throw noObject()
    }
    if (form === 'plain' && reader.size !== size) {
      await reader.close()
      this.#setAside(digest)
      throw noObject()
    }
    wanted.note?.(reader.size)
    const object = describe(wanted, reader.size)
    return { object, source: await sourceOf(reader) }
  }

  /** @param key that of a kept form: it begins with the digest */
  #setAside(key: string): void {
    setAside(this.#options, key.slice(0, 64) as Digest)
  }

  #noteOf({ name, form }: Wanted): ((bytes: number) => void) | undefined {
    const { onSent } = this.#options
    return onSent === undefined ? undefined : (bytes) => onSent(name, form, bytes)
  }
}

/** Whether a body will be sent whole, as far as the request tells. */
function isWholeRequest({ request }: RawExchange, headers: HotHeaders): boolean {
  const { range, ifNoneMatch } = headers
  return request.method === 'GET' && range === undefined && ifNoneMatch === undefined
}

function describe({ digest, form, isPrivate }: Opening, size: number): DescribedObject {
  return describeObject({
    size,
    etag: form === 'br' ? `"${digest}.br"` : etagOfDigest(digest),
    mime: form === 'bundle' ? mediaTypes.bundle : mediaTypes.octets,
    immutable: true,
    ...(isPrivate === true ? { cacheControl: 'private, max-age=31536000, immutable' } : {}),
    // The digest in the URL of a compressed form is not that of its bytes.
    ...(form === 'br' ? {} : { digest }),
  })
}

/** Objects of this size and more are sent by a descriptor of their own. */
const descriptorBytesMin = 1024 * 1024
const openDescriptor = promisify(open)

/** A large object that is a file is sent by its descriptor, which costs less for each chunk. */
async function sourceOf(reader: ObjectReader): Promise<OpenedObject['source']> {
  if (reader.path === undefined || reader.size < descriptorBytesMin) {
    return { kind: 'reader', reader }
  }
  try {
    return { kind: 'fd', fd: await openDescriptor(reader.path, 'r') }
  } finally {
    await reader.close()
  }
}
