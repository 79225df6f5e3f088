import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  type ChannelList,
  type ChannelListing,
  digestOf,
  mediaTypes,
  type SubscriptionDocument,
  subscribeLink,
  subscriptionFormat,
  version,
} from '../../protocol/index.ts'
import type { ServerRecords } from '../../store/server-records/index.ts'
import type { HttpServer } from '../http-server.ts'
import { readHotHeaders } from '../raw-headers.ts'
import type { ChannelCatalogue, ChannelView } from './channel-catalogue.ts'

export interface ChannelParams {
  readonly Params: { readonly name: string }
}
interface TrustParams {
  readonly Params: { readonly name: string; readonly file: string }
}

/** How people see channels; the pages themselves are another layer's. */
export interface ChannelPages {
  readonly headers: Readonly<Record<string, string>>
  list(list: ChannelList): string
  channel(listing: ChannelListing): string
}

export interface ChannelRoutesOptions {
  readonly server: HttpServer
  readonly catalogue: ChannelCatalogue
  readonly records: Pick<ServerRecords, 'trust'>
  readonly pages: ChannelPages
  /** The URL that links carry, without a trailing slash. */
  baseUrl(): string
  /** Tells which closed channels are listed for who asks; none when absent. */
  listed?(request: FastifyRequest): Promise<(view: ChannelView) => boolean>
  /** The channel of a request that may read it. @throws when there is none, or it may not */
  readable(request: FastifyRequest<ChannelParams>): Promise<ChannelView>
  readonly noObject: () => Error
  /** What else the subscription document says to this asker; it is his own then. */
  personal?(
    view: ChannelView,
    request: FastifyRequest,
  ): Promise<Partial<SubscriptionDocument> | undefined>
}

const trustFile = /^([1-9]\d{0,8}\.)?(root|targets|snapshot|timestamp)\.json$/

/** Lists, pages, subscription documents and trust files. */
export function addChannelRoutes(options: ChannelRoutesOptions): void {
  const { app } = options.server
  app.get('/', (request, reply) => answerList(options, request, reply))
  app.get<ChannelParams>('/:name', async (request, reply) => {
    const view = await options.readable(request)
    const listing = listingOf(options, view)
    const caching = isOpen(view) ? 'no-cache' : 'private, no-cache'
    void reply.header('vary', 'accept')
    if (!wantsPage(request)) return reply.header('cache-control', caching).send(listing)
    return reply.headers(options.pages.headers).send(options.pages.channel(listing))
  })
  app.get<ChannelParams>('/:name/subscription', async (request, reply) => {
    const view = await options.readable(request)
    const personal = await options.personal?.(view, request as FastifyRequest)
    const isShared = personal === undefined && isOpen(view)
    return reply
      .type(mediaTypes.subscription)
      .header('cache-control', isShared ? 'no-cache' : 'private, no-store')
      .header('content-disposition', `attachment; filename="${view.record.name}.longwave"`)
      .send(JSON.stringify({ ...subscriptionOf(options, view), ...personal }))
  })
  app.get<TrustParams>('/:name/trust/:file', (request, reply) =>
    answerTrustFile(options, request, reply),
  )
}

async function answerTrustFile(
  options: ChannelRoutesOptions,
  request: FastifyRequest<TrustParams>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const view = await options.readable(request as FastifyRequest<ChannelParams>)
  const { file } = request.params
  if (file === 'timestamp.json') {
    // A closed channel's poll; that of an open one is a hot route.
    reply.hijack()
    view.timestamp.handler(request.raw, reply.raw, readHotHeaders(request.raw))
    return reply
  }
  const found = trustFile.test(file)
    ? await options.records.trust.find(view.record.name, file)
    : undefined
  if (found === undefined) throw options.noObject()
  return reply
    .type(mediaTypes.json)
    .header('cache-control', trustCaching(file, isOpen(view)))
    .header('etag', `"${digestOf(found.bytes)}"`)
    .send(Buffer.from(found.bytes))
}

/** Numbered metadata never changes; the newest may be held by caches for seconds. */
function trustCaching(file: string, isPublic: boolean): string {
  const isNumbered = /^\d/.test(file)
  const lifetime = isNumbered ? 'max-age=31536000, immutable' : 'max-age=0'
  if (!isPublic) return `private, ${lifetime}`
  return isNumbered ? `public, ${lifetime}` : `public, ${lifetime}, s-maxage=5`
}

function isOpen({ record }: ChannelView): boolean {
  return record.access === 'open'
}

/** Pages are for those who name HTML and do not like JSON better; all others get JSON. */
function wantsPage({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  const weights = new Map<string, number>()
  for (const part of (headers.accept ?? '').slice(0, 1024).split(',')) {
    const [kind = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase())
    const q = parameters.find((text) => text.startsWith('q='))
    weights.set(kind, q === undefined ? 1 : Number(q.slice(2)))
  }
  const html = weights.get('text/html') ?? 0
  return html > 0 && html >= (weights.get(mediaTypes.json) ?? 0)
}

async function answerList(
  options: ChannelRoutesOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const isPersonal = request.headers.authorization !== undefined
  // Closed channels are told of to nobody who merely asks.
  const isListed = isPersonal ? await options.listed?.(request) : undefined
  const channels = options.catalogue
    .list()
    .filter((view) => isOpen(view) || isListed?.(view) === true)
    .map((view) => listingOf(options, view))
  const list: ChannelList = { transmitter: `${options.baseUrl()}/`, version, channels }
  void reply.header('vary', 'accept')
  const caching = isPersonal ? 'private, no-store' : 'no-cache'
  if (!wantsPage(request)) return reply.header('cache-control', caching).send(list)
  void reply.headers(options.pages.headers)
  if (isPersonal) void reply.header('cache-control', caching)
  return reply.send(options.pages.list(list))
}

function listingOf(options: ChannelRoutesOptions, view: ChannelView): ChannelListing {
  const { record, head, attributes } = view
  const url = `${options.baseUrl()}/${record.name}`
  return {
    name: record.name,
    url,
    channel: record.channelId,
    link: subscribeLink(url, record.channelId, record.versions.root),
    release: head.release,
    ...(head.label === undefined ? {} : { label: head.label }),
    published: attributes.published,
    ...definedOf(attributes, ['title', 'description', 'category', 'schedule']),
    kind: attributes.kind,
    entries: head.entries,
    totalBytes: head.totalBytes,
    state: record.state,
  }
}

function subscriptionOf(options: ChannelRoutesOptions, view: ChannelView): SubscriptionDocument {
  const { record, attributes } = view
  return {
    format: subscriptionFormat,
    url: `${options.baseUrl()}/${record.name}`,
    name: record.name,
    channel: record.channelId,
    rootVersion: record.versions.root,
    ...definedOf(attributes, ['title', 'description', 'category', 'schedule']),
    kind: attributes.kind,
  }
}

function definedOf<Value extends object, Key extends keyof Value>(
  value: Value,
  keys: readonly Key[],
): Partial<Pick<Value, Key>> {
  const picked: Partial<Pick<Value, Key>> = {}
  for (const key of keys) if (value[key] !== undefined) picked[key] = value[key]
  return picked
}
