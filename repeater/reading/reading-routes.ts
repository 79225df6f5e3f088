import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  type ChannelList,
  type ChannelListing,
  mediaTypes,
  type SubscriptionDocument,
  subscribeLink,
  subscriptionFormat,
  version,
} from '../../protocol/index.ts'
import { channelListPage, channelPage, pageHeaders } from '../../web/index.ts'
import type { ServingContext } from '../context.ts'
import { repeaterError } from '../errors.ts'
import { requireReader } from './reader-access.ts'
import type { ServedChannel, ServedChannels } from './served-channels.ts'

interface ChannelParams {
  readonly Params: { readonly name: string }
}
interface TrustParams {
  readonly Params: { readonly name: string; readonly file: string }
}

/**
 * Lists, pages, subscription documents and trust files, as the origin has them. Their links lead to
 * the origin: a tuner remembers that, and is told there which repeater is its own.
 */
export function addReadingRoutes(context: ServingContext, channels: ServedChannels): void {
  const { app } = context.server
  app.get('/', (request, reply) => answerList(context, channels, request, reply))
  app.get<ChannelParams>('/:name', (request, reply) => {
    const listing = listingOf(context, requireChannel(channels, request.params.name))
    void reply.header('vary', 'accept')
    if (!wantsPage(request)) return reply.header('cache-control', 'no-cache').send(listing)
    return reply.headers(pageHeaders).send(channelPage(listing))
  })
  app.get<ChannelParams>('/:name/subscription', (request, reply) => {
    const channel = requireChannel(channels, request.params.name)
    return reply
      .type(mediaTypes.subscription)
      .header('cache-control', 'no-cache')
      .header('content-disposition', `attachment; filename="${channel.record.name}.longwave"`)
      .send(JSON.stringify(subscriptionOf(context, channel)))
  })
  app.get<TrustParams>('/:name/trust/:file', (request, reply) =>
    answerTrustFile(context, channels, request.params, reply),
  )
  app.post<ChannelParams>('/:name/update', (request) => {
    throw repeaterError('LW_REPEATER_ASK_ORIGIN', {
      members: { origin: `${context.origin.url}/${request.params.name.slice(0, 64)}` },
    })
  })
}

/** @throws LW_REPEATER_NO_CHANNEL */
export function requireChannel(channels: ServedChannels, name: string): ServedChannel {
  const channel = channels.find(name)
  if (channel !== undefined) return channel
  throw repeaterError('LW_REPEATER_NO_CHANNEL', {
    detail: `It is ${JSON.stringify(name.slice(0, 64))}.`,
  })
}

async function answerTrustFile(
  context: ServingContext,
  channels: ServedChannels,
  { name, file }: TrustParams['Params'],
  reply: FastifyReply,
): Promise<FastifyReply> {
  const channel = requireChannel(channels, name)
  if (!/^([1-9]\d{0,8}\.)?(root|targets|snapshot|timestamp)\.json$/.test(file)) {
    throw repeaterError('LW_REPEATER_NO_OBJECT')
  }
  const found = await context.records.trust.find(channel.record.name, file)
  if (found === undefined) throw repeaterError('LW_REPEATER_NO_OBJECT')
  const isImmutable = /^\d/.test(file)
  return reply
    .type(mediaTypes.json)
    .header(
      'cache-control',
      isImmutable ? 'public, max-age=31536000, immutable' : 'public, max-age=0, s-maxage=5',
    )
    .send(Buffer.from(found.bytes))
}

/** Pages are for those who name HTML; everything else gets JSON. */
function wantsPage(request: FastifyRequest): boolean {
  return (request.headers.accept ?? '').includes('text/html')
}

function answerList(
  context: ServingContext,
  channels: ServedChannels,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const open = channels.list().filter((channel) => isReadable(channel, request, context))
  const list: ChannelList = {
    transmitter: `${context.origin.url}/`,
    version,
    channels: open.map((channel) => listingOf(context, channel)),
  }
  void reply.header('vary', 'accept')
  if (!wantsPage(request)) return reply.header('cache-control', 'no-cache').send(list)
  return reply.headers(pageHeaders).send(channelListPage(list))
}

function isReadable(
  channel: ServedChannel,
  request: FastifyRequest,
  context: ServingContext,
): boolean {
  try {
    requireReader(channel, request.headers.authorization, context.clock.now())
    return true
  } catch {
    return false
  }
}

function listingOf(context: ServingContext, channel: ServedChannel): ChannelListing {
  const { record, head, attributes } = channel
  const url = `${context.origin.url}/${record.name}`
  return {
    name: record.name,
    url,
    channel: record.channelId,
    link: subscribeLink(url, record.channelId, record.versions.root),
    release: head.release,
    ...(head.label === undefined ? {} : { label: head.label }),
    published: attributes.published,
    ...told(attributes),
    kind: attributes.kind,
    entries: head.entries,
    totalBytes: head.totalBytes,
    state: record.state,
  }
}

function subscriptionOf(context: ServingContext, channel: ServedChannel): SubscriptionDocument {
  const { record, attributes } = channel
  return {
    format: subscriptionFormat,
    url: `${context.origin.url}/${record.name}`,
    name: record.name,
    channel: record.channelId,
    rootVersion: record.versions.root,
    ...told(attributes),
    kind: attributes.kind,
  }
}

type Told = Partial<
  Pick<ServedChannel['attributes'], 'title' | 'description' | 'category' | 'schedule'>
>

function told({ title, description, category, schedule }: Told): Told {
  return {
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(category === undefined ? {} : { category }),
    ...(schedule === undefined ? {} : { schedule }),
  }
}
