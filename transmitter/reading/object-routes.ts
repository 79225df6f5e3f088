import { open } from 'node:fs'
import { promisify } from 'node:util'
import { type ChannelName, type Digest, isChannelName, mediaTypes } from '../../protocol/index.ts'
import {
  type DescribedObject,
  describeObject,
  etagOfDigest,
  type HotHandler,
  type HotHeaders,
  ObjectCache,
  type OpenedObject,
} from '../../serving/index.ts'
import type { ObjectReader } from '../../store/objects/index.ts'
import { requireReader } from '../access/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'

type Form = 'plain' | 'br' | 'bundle'
type Exchange = Parameters<ObjectCache['send']>[0]

interface Wanted {
  readonly name: ChannelName
  readonly digest: Digest
  readonly form: Form
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
 * Objects, their precompressed forms and bundles, taken before the router. An object is served
 * only when the channel refers to it: knowing a hash grants nothing.
 */
export function addObjectRoutes(context: TransmitterContext): void {
  const routes = new ObjectRoutes(context)
  context.server.hot.addMatcher((path) => {
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

class ObjectRoutes {
  readonly #context: TransmitterContext
  readonly #cache: ObjectCache

  constructor(context: TransmitterContext) {
    this.#context = context
    const { server } = context
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
        this.#context.server.answerError(exchange, error),
      )
      return true
    }
  }

  async #serve(wanted: Wanted, exchange: Exchange, headers: HotHeaders): Promise<void> {
    const { catalogue, access, server } = this.#context
    const channel = catalogue.find(wanted.name)?.record
    if (channel === undefined) throw transmitterError('LW_TRANSMIT_NO_CHANNEL')
    await requireReader(access, channel, exchange.request.headers.authorization)
    const size = await this.#referencedSize(wanted)
    if (size === undefined) throw transmitterError('LW_TRANSMIT_NO_OBJECT')
    const note = isWholeRequest(exchange, headers) ? this.#noteOf(wanted) : undefined
    if (channel.access === 'open') {
      const key = `${wanted.digest}:${wanted.form}`
      note?.(this.#cache.memory.get(key)?.object.facts.size ?? 0)
      this.#cache.send(exchange, key, () => this.#open({ ...wanted, size, note }), headers)
      return
    }
    const isPrivate = true
    const opened = await this.#open({ ...wanted, size, note, isPrivate })
    server.objects.send(exchange, opened.object, opened.source, headers)
  }

  /** The object's bytes when the channel refers to it; of bundles only that it does. */
  async #referencedSize({ name, digest, form }: Wanted): Promise<number | 'bundle' | undefined> {
    const { records } = this.#context
    if (form !== 'bundle') return records.referencedSize(name, digest)
    return (await records.bundles.holds(name, digest)) ? 'bundle' : undefined
  }

  async #open(wanted: Opening): Promise<OpenedObject> {
    const { objects, compressor } = this.#context
    const { digest, form, size } = wanted
    const reader =
      form === 'br' ? await objects.openVariant(digest, 'br') : await objects.open(digest)
    if (reader === undefined) {
      if (form === 'br' && size !== 'bundle') compressor.want({ digest, size })
      throw transmitterError('LW_TRANSMIT_NO_OBJECT')
    }
    if (form === 'plain' && reader.size !== size) {
      await reader.close()
      this.#setAside(digest)
      throw transmitterError('LW_TRANSMIT_NO_OBJECT')
    }
    wanted.note?.(reader.size)
    const object = describe(wanted, reader.size)
    return { object, source: await sourceOf(reader) }
  }

  /** Looks at the stored bytes again; damaged ones are put aside, so that a publish brings new ones. */
  #setAside(key: string): void {
    const digest = key.slice(0, 64) as Digest
    const { logger } = this.#context.server
    this.#context.objects.verify(digest).then(
      (state) => logger.error({ digest, state }, 'a stored object is not what its name says'),
      (error: unknown) => logger.error({ err: error, digest }, 'an object could not be verified'),
    )
  }

  #noteOf({ name, form }: Wanted): (bytes: number) => void {
    const counts = this.#context.measures.of(name)
    return (bytes) => {
      if (form === 'plain') counts.objectBytes += bytes
      else if (form === 'br') counts.compressedBytes += bytes
      else counts.bundleBytes += bytes
    }
  }
}

/** Whether a body will be sent whole, as far as the request tells. */
function isWholeRequest({ request }: Exchange, headers: HotHeaders): boolean {
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
