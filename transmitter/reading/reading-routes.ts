import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  type ChannelList,
  type ChannelListing,
  digestOf,
  mediaTypes,
  type SubscriptionDocument,
  subscribeLink,
  subscriptionFormat,
} from '../../protocol/index.ts'
import { channelListPage, channelPage, pageHeaders } from '../../web/index.ts'
import { requireReader } from '../access/index.ts'
import { askedRepeater, type RepeaterQuery } from '../repeaters/index.ts'
import { type TransmitterContext, timeText } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { version } from '../../protocol/index.ts'
import type { ChannelView } from './catalogue.ts'

export interface ChannelParams {
  readonly Params: { readonly name: string }
}
interface SubscriptionParams extends ChannelParams {
  readonly Querystring: RepeaterQuery
}
interface TrustParams {
  readonly Params: { readonly name: string; readonly file: string }
}

const trustFile = /^([1-9]\d{0,8}\.)?(root|targets|snapshot|timestamp)\.json$/

/** Lists, pages, subscription documents and trust files. */
export function addReadingRoutes(context: TransmitterContext): void {
  const { app } = context.server
  app.get('/', (request, reply) => answerList(context, request, reply))
  app.get<ChannelParams>('/:name', async (request, reply) => {
    const view = await readableChannel(context, request)
    const listing = listingOf(context, view)
    void reply.header('vary', 'accept')
    if (!wantsPage(request)) return reply.header('cache-control', 'no-cache').send(listing)
    return reply.headers(pageHeaders).send(channelPage(listing))
  })
  app.get<SubscriptionParams>('/:name/subscription', async (request, reply) => {
    const view = await readableChannel(context, request)
    const repeater = await askedRepeater(context, view.record.name, request.query)
    return reply
      .type(mediaTypes.subscription)
      .header('cache-control', repeater === undefined ? 'no-cache' : 'private, no-store')
      .header('content-disposition', `attachment; filename="${view.record.name}.longwave"`)
      .send(
        JSON.stringify({
          ...subscriptionOf(context, view),
          ...(repeater === undefined ? {} : { repeater }),
        }),
      )
  })
  app.get<TrustParams>('/:name/trust/:file', async (request, reply) => {
    const { record } = await readableChannel(context, request)
    const { file } = request.params
    const found = trustFile.test(file)
      ? await context.records.trust.find(record.name, file)
      : undefined
    if (found === undefined) throw transmitterError('LW_TRANSMIT_NO_OBJECT')
    return reply
      .type(mediaTypes.json)
      .header('cache-control', trustCaching(file, record.access === 'open'))
      .header('etag', `"${digestOf(found.bytes)}"`)
      .send(Buffer.from(found.bytes))
  })
}

/** Numbered metadata never changes; the newest may be held by caches for seconds. */
function trustCaching(file: string, isOpen: boolean): string {
  const lifetime = /^\d/.test(file) ? 'max-age=31536000, immutable' : 'max-age=0'
  if (!isOpen) return `private, ${lifetime}`
  return /^\d/.test(file) ? `public, ${lifetime}` : `public, ${lifetime}, s-maxage=5`
}

/** The channel of a request that may read it. @throws LW_TRANSMIT_NO_CHANNEL, LW_TRANSMIT_CLOSED */
export async function readableChannel(
  context: TransmitterContext,
  request: FastifyRequest<ChannelParams>,
): Promise<ChannelView> {
  const view = requireChannel(context, request.params.name)
  await requireReader(context.access, view.record, request.headers.authorization)
  return view
}

function requireChannel(context: TransmitterContext, name: string): ChannelView {
  const view = context.catalogue.find(name)
  if (view === undefined) {
    throw transmitterError('LW_TRANSMIT_NO_CHANNEL', {
      detail: `There is no ${JSON.stringify(name.slice(0, 64))} here.`,
      next: `longwave channels ${context.publicUrl()}/`,
    })
  }
  return view
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

function answerList(
  context: TransmitterContext,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  // Closed channels are told of to nobody who merely asks.
  const open = context.catalogue.list().filter((view) => view.record.access === 'open')
  const channels = open.map((view) => listingOf(context, view))
  const list: ChannelList = { transmitter: `${context.publicUrl()}/`, version, channels }
  void reply.header('vary', 'accept')
  if (!wantsPage(request)) return reply.header('cache-control', 'no-cache').send(list)
  return reply.headers(pageHeaders).send(channelListPage(list))
}

function listingOf(context: TransmitterContext, view: ChannelView): ChannelListing {
  const { record, head, attributes } = view
  const url = `${context.publicUrl()}/${record.name}`
  return {
    name: record.name,
    url,
    channel: record.channelId,
    link: subscribeLink(url, record.channelId, record.versions.root),
    release: head.release,
    ...(head.label === undefined ? {} : { label: head.label }),
    published: timeText(head.publishedAtMs),
    ...definedOf(attributes, ['title', 'description', 'category', 'schedule']),
    kind: attributes.kind,
    entries: head.entries,
    totalBytes: head.totalBytes,
    state: record.state,
  }
}

function subscriptionOf(context: TransmitterContext, view: ChannelView): SubscriptionDocument {
  const { record, attributes } = view
  return {
    format: subscriptionFormat,
    url: `${context.publicUrl()}/${record.name}`,
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
