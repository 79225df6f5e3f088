import type { IncomingMessage } from 'node:http'
import { type ChannelName, type Digest, isChannelName } from '../../protocol/index.ts'
import {
  describeObject,
  etagOfDigest,
  type HotHandler,
  ObjectCache,
  type OpenedObject,
} from '../../serving/index.ts'
import type { ObjectReader } from '../../store/objects/index.ts'
import type { ServingContext } from '../context.ts'
import { repeaterError } from '../errors.ts'
import type { Compressor } from '../upkeep/index.ts'
import { requireReader } from './reader-access.ts'
import type { ServedChannels } from './served-channels.ts'

const objectPath = /^\/([a-z0-9][a-z0-9._-]{0,63})\/objects\/([0-9a-f]{64})(\.br)?$/
const bundlePath = /^\/([a-z0-9][a-z0-9._-]{0,63})\/deltas\/\d{1,10}\.\.\d{1,10}\/([0-9a-f]{64})$/

type Form = 'plain' | 'br' | 'bundle'

interface WantedObject {
  readonly name: ChannelName
  readonly digest: Digest
  readonly form: Form
}

/**
 * Objects, their precompressed forms and bundles, taken before the router. An object is served
 * only when the channel refers to it: knowing a hash grants nothing.
 */
export function addObjectRoutes(
  context: ServingContext,
  channels: ServedChannels,
  compressor: Compressor,
): void {
  const { server, objects } = context
  const cache = new ObjectCache({
    sender: server.objects,
    answerError: server.answerError,
    // Set aside, it counts as absent and comes again with the next release or repair.
    onDamaged: (key) => void objects.verify(key.slice(key.indexOf(':') + 1) as Digest),
  })
  const answer = (wanted: WantedObject): HotHandler => {
    return (request, response, headers) => {
      const key = `${wanted.form}:${wanted.digest}`
      authorise(context, channels, wanted, request)
        .then(() =>
          cache.send(
            { request, response },
            key,
            () => openObject(context, compressor, wanted),
            headers,
          ),
        )
        .catch((error: unknown) => server.answerError({ request, response }, error))
      return true
    }
  }
  server.hot.addMatcher((path) => {
    const wanted = parsePath(path)
    return wanted === undefined ? undefined : answer(wanted)
  })
}

function parsePath(path: string): WantedObject | undefined {
  const object = objectPath.exec(path)
  if (object !== null && isChannelName(object[1])) {
    const form = object[3] === undefined ? 'plain' : 'br'
    return { name: object[1], digest: object[2] as Digest, form }
  }
  const bundle = bundlePath.exec(path)
  if (bundle === null || !isChannelName(bundle[1])) return undefined
  return { name: bundle[1], digest: bundle[2] as Digest, form: 'bundle' }
}

async function authorise(
  context: ServingContext,
  channels: ServedChannels,
  { name, digest, form }: WantedObject,
  request: IncomingMessage,
): Promise<void> {
  const channel = channels.find(name)
  if (channel === undefined) throw repeaterError('LW_REPEATER_NO_CHANNEL')
  // Node builds its header object when it is asked for, which open channels do without.
  if (channel.record.access !== 'open') {
    requireReader(channel, request.headers.authorization, context.clock.now())
  }
  const { bundles } = context.records
  const isAllowed =
    form === 'bundle'
      ? await bundles.holds(name, digest)
      : await context.records.isReferenced(name, digest)
  if (!isAllowed) throw repeaterError('LW_REPEATER_NO_OBJECT')
}

async function openObject(
  context: ServingContext,
  compressor: Compressor,
  wanted: WantedObject,
): Promise<OpenedObject> {
  const { digest, form } = wanted
  const reader =
    form === 'br'
      ? await context.objects.openVariant(digest, 'br')
      : await context.objects.open(digest)
  if (reader === undefined) {
    if (form === 'br') compressor.ask(digest)
    throw repeaterError('LW_REPEATER_NO_OBJECT')
  }
  return { object: describe(wanted, reader), source: { kind: 'reader', reader } }
}

function describe({ digest, form }: WantedObject, { size }: ObjectReader) {
  const isBrotli = form === 'br'
  return describeObject({
    size,
    etag: isBrotli ? `"${digest}.br"` : etagOfDigest(digest),
    mime: 'application/octet-stream',
    immutable: true,
    // The digest in the URL of a compressed form is not that of its bytes.
    ...(isBrotli ? {} : { digest }),
  })
}
