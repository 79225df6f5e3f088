import { open } from 'node:fs/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { bundleFormat } from '../../delta/index.ts'
import { type Digest, isDigest, type RouteOffer } from '../../protocol/index.ts'
import { describeObject, etagOfDigest, type OpenObject } from '../../serving/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { repeaterOriginLimits as limits } from './limits.ts'
import type { Preparations } from './preparations.ts'
import type { PreparedBundle, PreparedRelease } from './prepared-release.ts'
import { requireRepeater } from './repeater-access.ts'

interface ObjectParams {
  readonly Params: { readonly id: string; readonly sha256: string }
}
interface DeltaParams {
  readonly Params: { readonly id: string; readonly range: string; readonly sha256: string }
}

/**
 * `/-/repeaters/prepared/ID/…`: the objects of a release that is not the head yet, in the places
 * in which a channel has them, for who holds a repeater's token only.
 */
export function addPreparedRoutes(context: TransmitterContext, preparations: Preparations): void {
  const { app } = context.server
  const base = '/-/repeaters/prepared/:id'
  const find = (request: FastifyRequest) => findPrepared(context, preparations, request)
  app.get<ObjectParams>(`${base}/objects/:sha256`, async (request, reply) => {
    const prepared = await find(request)
    const { sha256 } = request.params
    // The forms that compress are made later; the plain one is always there.
    const isHeld = isDigest(sha256) && prepared.objects.has(sha256)
    const reader = isHeld ? await context.objects.open(sha256) : undefined
    if (reader === undefined || !isDigest(sha256)) throw transmitterError('LW_TRANSMIT_NO_OBJECT')
    send(context, request, reply, { sha256, size: reader.size }, { kind: 'reader', reader })
    return reply
  })
  app.get<DeltaParams>(`${base}/deltas/:range`, async (request, reply) => {
    const prepared = await find(request)
    const offer = offerOf(prepared, request.params.range, await inTime(prepared.bundle))
    return reply.header('cache-control', 'no-store').send(offer)
  })
  app.get<DeltaParams>(`${base}/deltas/:range/:sha256`, async (request, reply) => {
    const prepared = await find(request)
    const bundle = await prepared.bundle
    if (bundle === undefined || bundle.sha256 !== request.params.sha256) {
      throw transmitterError('LW_TRANSMIT_NO_OBJECT')
    }
    const handle = await open(bundle.file, 'r')
    const read = async (position: number, into: Uint8Array): Promise<number> =>
      (await handle.read(into, 0, into.byteLength, position)).bytesRead
    const reader = { size: bundle.bytes, read, close: () => handle.close() }
    const { sha256, bytes: size } = bundle
    send(context, request, reply, { sha256, size }, { kind: 'reader', reader })
    return reply
  })
}

async function findPrepared(
  context: TransmitterContext,
  preparations: Preparations,
  request: FastifyRequest,
): Promise<PreparedRelease> {
  const grant = await requireRepeater(context, request)
  const { id } = request.params as { readonly id: string }
  const prepared = id.length > 64 ? undefined : await preparations.find(id)
  if (prepared !== undefined && grant.opens(prepared.record.channel)) return prepared
  throw transmitterError('LW_TRANSMIT_NOT_PREPARED')
}

function send(
  context: TransmitterContext,
  request: FastifyRequest,
  reply: FastifyReply,
  object: { readonly sha256: Digest; readonly size: number },
  source: OpenObject,
): void {
  const described = describeObject({
    size: object.size,
    etag: etagOfDigest(object.sha256),
    digest: object.sha256,
    mime: 'application/octet-stream',
    immutable: true,
    cacheControl: 'private, no-store',
  })
  context.server.sendObject(request, reply, described, source)
}

function offerOf(
  prepared: PreparedRelease,
  range: string,
  bundle: PreparedBundle | undefined,
): RouteOffer {
  const match = /^(0|[1-9]\d{0,8})\.\.([1-9]\d{0,8})$/.exec(range)
  const from = Number(match?.[1])
  const to = Number(match?.[2])
  if (match === null || to !== prepared.record.release || from >= to) {
    throw transmitterError('LW_TRANSMIT_NO_RELEASE')
  }
  if (bundle === undefined || bundle.from !== from) return { from, to }
  return { from, to, format: bundleFormat, sha256: bundle.sha256, bytes: bundle.bytes }
}

/** Who asks while the bundle is made waits a while: it comes sooner than the whole files. */
async function inTime(
  bundle: Promise<PreparedBundle | undefined>,
): Promise<PreparedBundle | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), limits.preparedOfferMs)
  })
  try {
    return await Promise.race([bundle, late])
  } finally {
    clearTimeout(timer)
  }
}
