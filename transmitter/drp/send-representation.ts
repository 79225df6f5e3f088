import type { FastifyReply, FastifyRequest } from 'fastify'
import { identityGdiff } from '../../delta/gdiff/index.ts'
import { digestOfIdentifier, drpError } from '../../protocol/drp/index.ts'
import type { ChannelName } from '../../protocol/index.ts'
import { describeObject, type HttpServer, type ObjectSource } from '../../serving/index.ts'
import {
  type BodyRange,
  chooseRepresentation,
  type Representation,
  type RepresentationProblem,
  representationError,
  type Resource,
  type Version,
} from '../../serving/representations/index.ts'
import { transmitterError } from '../errors.ts'
import { transmitterLimits as limits } from '../limits.ts'
import type { Differences } from './differences.ts'
import type { VersionedResource } from './resource-bodies.ts'

/** Bytes that can be sent. */
export interface OpenedBody {
  readonly size: number
  readonly source: ObjectSource
}

export interface RepresentationExchange {
  readonly server: HttpServer
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly differences: Differences
  readonly channel: ChannelName
  readonly isPublic: boolean
  /** Counts the bytes of the body. */
  readonly count: (bytes: number) => void
}

/** Fields by which a client names an older version. */
const baseFields = ['content-id', 'differential-id', 'a-im', 'available-dictionary']

/** How often a decision is made again because a difference was made for it. */
const decisionsMax = 4

/** Answers a request for a file in whichever form the client asks for (docs/formats/drp.md). */
export async function sendRepresentation(
  exchange: RepresentationExchange,
  resource: VersionedResource,
): Promise<void> {
  const { request, differences } = exchange
  const mayNameOlder = baseFields.some((field) => request.headers[field] !== undefined)
  const needsMd5 = baseFields.some((field) => /md5/i.test(String(request.headers[field] ?? '')))
  const named = async (version: Version): Promise<Version> =>
    needsMd5 ? { ...version, md5: await resource.md5(version) } : version
  const current = await named(resource.current)
  const older: Version[] = []
  for (const version of mayNameOlder ? await resource.older() : []) older.push(await named(version))
  const described = resourceOf(exchange, current, older)
  for (let decision = 1; ; decision++) {
    const chosen = chooseRepresentation({
      method: request.method,
      headers: request.headers,
      resource: described,
    })
    const wanted = differenceToMake(chosen, [current, ...older])
    if (wanted === undefined) return send(exchange, resource, chosen)
    if (decision >= decisionsMax) throw new Error('a difference that was made is not to be had')
    try {
      const pair = { ...wanted, channel: exchange.channel }
      await differences.make(pair, (version) => resource.load(version))
    } catch (error) {
      // The whole file is as good an answer.
      exchange.server.logger.warn({ err: error }, 'a difference could not be made')
    }
  }
}

function resourceOf(
  { request, differences, channel, isPublic }: RepresentationExchange,
  current: Version,
  older: readonly Version[],
): Resource {
  // A condition on the plain file is about the plain file.
  const { coded: _coded, ...plain } = current
  return {
    path: request.url.split('?')[0] ?? '/',
    current: request.headers['if-match'] === undefined ? current : plain,
    older: (id) => {
      const sha256 = digestOfIdentifier(id)
      return older.find((version) =>
        id.algorithm === 'md5' ? version.md5 === id.hex : version.sha256 === sha256,
      )
    },
    formats: ['dcz', 'gdiff'],
    delta: (format, from, to) => differences.offer({ channel, format, from, to }),
    caching: {
      audience: isPublic ? 'public' : 'private',
      maxAgeSeconds: limits.fileMaxAgeSeconds,
      staleSeconds: limits.fileStaleSeconds,
    },
  }
}

function differenceToMake(chosen: Representation, versions: readonly Version[]) {
  const { body } = chosen
  if (body.kind !== 'gdiff' && body.kind !== 'dcz') return undefined
  if (body.ready !== undefined) return undefined
  const fromDigest = body.kind === 'gdiff' ? body.from : body.dictionary
  const from = versions.find((version) => version.sha256 === fromDigest)
  const to = versions.find((version) => version.sha256 === body.to)
  if (from === undefined || to === undefined) throw new TypeError('a version nobody named')
  return { format: body.kind, from, to }
}

async function send(
  exchange: RepresentationExchange,
  resource: VersionedResource,
  { status, headers, body }: Representation,
): Promise<void> {
  const { reply } = exchange
  switch (body.kind) {
    case 'problem': {
      for (const name of ['Vary', 'Allow', 'Content-Range']) {
        const value = headers[name]
        if (value !== undefined) void reply.header(name, value)
      }
      throw errorOf(body.code)
    }
    case 'none':
      return sendBytes(exchange, { status, headers, bytes: undefined })
    case 'whole': {
      const opened = await resource.open(body.sha256, body.coded && 'br')
      if (opened === undefined) throw transmitterError('LW_TRANSMIT_NO_OBJECT')
      return sendOpened(exchange, headers, opened)
    }
    case 'gdiff':
    case 'dcz': {
      const from = body.kind === 'gdiff' ? body.from : body.dictionary
      const kept = exchange.differences.find(body.kind, from, body.to)
      const bytes =
        from === body.to && body.kind === 'gdiff'
          ? identityGdiff(resource.current.size)
          : kept?.bytes
      if (bytes === undefined) throw transmitterError('LW_TRANSMIT_NO_OBJECT')
      return sendBytes(exchange, { status, headers, bytes: partOf(bytes, body.range) })
    }
    case 'dcb':
      throw new TypeError('dcb is never offered')
  }
}

function errorOf(code: RepresentationProblem): Error {
  switch (code) {
    case 'LW_DRP_CONTENT_ID':
    case 'LW_DRP_CONTENT_ID_UNAVAILABLE':
      return drpError(code)
    default:
      return representationError(code)
  }
}

function partOf(bytes: Uint8Array, range: BodyRange | undefined): Uint8Array {
  return range === undefined ? bytes : bytes.subarray(range.first, range.last + 1)
}

function sendBytes(
  { request, reply, count }: RepresentationExchange,
  answer: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly bytes: Uint8Array | undefined
  },
): void {
  const { status, headers, bytes } = answer
  reply.hijack()
  reply.raw.writeHead(status, { ...headers, ...safety })
  const isBody = request.method !== 'HEAD' && bytes !== undefined
  if (isBody) count(bytes.byteLength)
  reply.raw.end(isBody ? bytes : undefined)
}

/** Files are a publisher's: a page among them must not act as one of the transmitter's. */
const safety: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': 'sandbox allow-scripts allow-forms allow-popups allow-downloads',
}

/** Fields that the sender of objects writes itself. */
const senderFields = new Set([
  'etag',
  'content-type',
  'content-length',
  'content-range',
  'cache-control',
  'accept-ranges',
])

/** Whole files go the way of objects: conditions, ranges and slow readers are its business. */
function sendOpened(
  exchange: RepresentationExchange,
  headers: Readonly<Record<string, string>>,
  { size, source }: OpenedBody,
): void {
  const { server, request, reply, count } = exchange
  const extra = Object.entries(headers).filter(([name]) => !senderFields.has(name.toLowerCase()))
  const described = describeObject({
    size,
    etag: headers['ETag'] ?? '',
    mime: headers['Content-Type'] ?? 'application/octet-stream',
    immutable: false,
    cacheControl: headers['Cache-Control'] ?? 'no-cache',
    headers: [...extra.flat(), 'Content-Security-Policy', safety['Content-Security-Policy'] ?? ''],
  })
  if (request.method === 'GET' && headers['Content-Range'] === undefined) count(size)
  server.sendObject(request, reply, described, source)
}
