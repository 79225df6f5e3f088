import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  type ChannelList,
  type ChannelListing,
  isChannelName,
  mediaTypes,
  type SubscriptionDocument,
  subscribeLink,
  subscriptionFormat,
} from '../../protocol/index.ts'
import { channelListPage, channelPage, pageHeaders } from '../../web/index.ts'
import { timeText, type TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { version } from '../../protocol/index.ts'
import type { ChannelView } from './catalogue.ts'

interface ChannelParams {
  readonly Params: { readonly name: string }
}

/** Lists, pages, subscription documents and trust files. */
export function addReadingRoutes(context: TransmitterContext): void {
  const { app } = context.server
  app.get('/', (request, reply) => answerList(context, request, reply))
  app.get<ChannelParams>('/:name', (request, reply) => {
    const view = requireChannel(context, request.params.name)
    const listing = listingOf(context, view)
    if (!wantsPage(request)) return reply.header('cache-control', 'no-cache').send(listing)
    return reply.headers(pageHeaders).send(channelPage(listing))
  })
  app.get<ChannelParams>('/:name/subscription', (request, reply) => {
    const view = requireChannel(context, request.params.name)
    return reply
      .type(mediaTypes.subscription)
      .header('cache-control', 'no-cache')
      .header('content-disposition', `attachment; filename="${view.record.name}.longwave"`)
      .send(JSON.stringify(subscriptionOf(context, view)))
  })
  app.get<{ readonly Params: { readonly name: string; readonly file: string } }>(
    '/:name/trust/:file',
    async (request, reply) => {
      const { name, file } = request.params
      if (!isChannelName(name)) throw transmitterError('LW_TRANSMIT_NO_CHANNEL')
      if (!/^([1-9]\d{0,8}\.)?(root|targets|snapshot|timestamp)\.json$/.test(file)) {
        throw transmitterError('LW_TRANSMIT_NO_OBJECT')
      }
      const found = await context.records.trust.find(name, file)
      if (found === undefined) throw transmitterError('LW_TRANSMIT_NO_OBJECT')
      const cacheControl = /^\d/.test(file)
        ? 'public, max-age=31536000, immutable'
        : 'public, max-age=0, s-maxage=5'
      return reply
        .type(mediaTypes.json)
        .header('cache-control', cacheControl)
        .send(Buffer.from(found.bytes))
    },
  )
}

export function requireChannel(context: TransmitterContext, name: string): ChannelView {
  const view = context.catalogue.find(name)
  if (view === undefined) {
    throw transmitterError('LW_TRANSMIT_NO_CHANNEL', {
      detail: `There is no ${JSON.stringify(name.slice(0, 64))} here.`,
      next: `longwave channels ${context.publicUrl()}/`,
    })
  }
  return view
}

/** Pages are for those who name HTML; everything else gets JSON. */
function wantsPage(request: FastifyRequest): boolean {
  return (request.headers.accept ?? '').includes('text/html')
}

function answerList(
  context: TransmitterContext,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const channels = context.catalogue.list().map((view) => listingOf(context, view))
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

