import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ChannelName, type Digest, isChannelName } from '../../protocol/index.ts'
import {
  describeObject,
  type DescribedObject,
  etagOfDigest,
  type HotHandler,
  type HotHeaders,
  ObjectMemory,
  problemOf,
  sendProblem,
} from '../../serving/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'

interface KeptObject {
  readonly bytes: Uint8Array
  readonly described: DescribedObject
}

const objectPath = /^\/([a-z0-9][a-z0-9._-]{0,63})\/objects\/([0-9a-f]{64})(\.br)?$/
const bundlePath =
  /^\/([a-z0-9][a-z0-9._-]{0,63})\/deltas\/\d{1,10}\.\.\d{1,10}\/([0-9a-f]{64})$/

/**
 * Objects, their precompressed forms and bundles, taken before the router. An object is served
 * only when the channel refers to it: knowing a hash grants nothing.
 */
export function addObjectRoutes(context: TransmitterContext): void {
  const memory = new ObjectMemory<KeptObject>()
  const { hot } = context.server
  const answer = (
    name: string,
    digest: Digest,
    form: 'plain' | 'br' | 'bundle',
  ): HotHandler => {
    return (request, response, headers) => {
      void serve(context, memory, { name, digest, form, request, response, headers })
      return true
    }
  }
  hot.addMatcher((path) => {
    const object = objectPath.exec(path)
    if (object !== null && isChannelName(object[1])) {
      const form = object[3] === undefined ? 'plain' : 'br'
      return answer(object[1], object[2] as Digest, form)
    }
    const bundle = bundlePath.exec(path)
    if (bundle !== null && isChannelName(bundle[1])) {
      return answer(bundle[1], bundle[2] as Digest, 'bundle')
    }
    return undefined
  })
}

interface ObjectRequest {
  readonly name: string
  readonly digest: Digest
  readonly form: 'plain' | 'br' | 'bundle'
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly headers: HotHeaders
}

async function serve(
  context: TransmitterContext,
  memory: ObjectMemory<KeptObject>,
  wanted: ObjectRequest,
): Promise<void> {
  const { request, response, headers } = wanted
  try {
    await authorise(context, wanted)
    const key = `${wanted.form}:${wanted.digest}`
    const kept = memory.get(key)
    if (kept !== undefined) {
      context.server.counters.objectsFromMemory += 1
      const source = { kind: 'bytes', bytes: kept.bytes } as const
      context.server.objects.send({ request, response }, kept.described, source, headers)
      return
    }
    const reader =
      wanted.form === 'br'
        ? await context.objects.openVariant(wanted.digest, 'br')
        : await context.objects.open(wanted.digest)
    if (reader === undefined) throw transmitterError('LW_TRANSMIT_NO_OBJECT')
    const described = describe(wanted, reader.size)
    if (memory.takes(reader.size)) {
      const bytes = Buffer.allocUnsafeSlow(reader.size)
      await reader.read(0, bytes).finally(() => reader.close())
      memory.set(key, { bytes, described })
      const source = { kind: 'bytes', bytes } as const
      context.server.objects.send({ request, response }, described, source, headers)
      return
    }
    const source = { kind: 'reader', reader } as const
    context.server.objects.send({ request, response }, described, source, headers)
  } catch (error) {
    sendProblem(request, response, problemOf(error, 'object'))
  }
}

async function authorise(context: TransmitterContext, wanted: ObjectRequest): Promise<void> {
  const name = wanted.name as ChannelName
  const allowed =
    wanted.form === 'bundle'
      ? await context.records.bundles.holds(name, wanted.digest)
      : await context.records.isReferenced(name, wanted.digest)
  if (!allowed) throw transmitterError('LW_TRANSMIT_NO_OBJECT')
}

function describe(wanted: ObjectRequest, size: number): DescribedObject {
  const isBrotli = wanted.form === 'br'
  return describeObject({
    size,
    etag: isBrotli ? `"${wanted.digest}.br"` : etagOfDigest(wanted.digest),
    mime: 'application/octet-stream',
    immutable: true,
    // The digest in the URL of a compressed form is not that of its bytes.
    ...(isBrotli ? {} : { digest: wanted.digest }),
  })
}
