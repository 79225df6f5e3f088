import type { FastifyRequest } from 'fastify'
import {
  addChannelRoutes,
  addContentRoutes,
  type ChannelParams,
  type ChannelView,
} from '../../serving/channels/index.ts'
import { channelListPage, channelPage, pageHeaders } from '../../web/index.ts'
import type { ServingContext } from '../context.ts'
import { repeaterError } from '../errors.ts'
import type { Compressor } from '../upkeep/index.ts'
import { requireReader } from './reader-access.ts'

/**
 * What the origin answers to readers, from the repeater's own disk. Links lead to the origin: a
 * tuner remembers that, and is told there which repeater is its own.
 */
export function addReadingRoutes(context: ServingContext, compressor: Compressor): void {
  const { server, clock } = context
  addContentRoutes({
    ...context,
    requireReader: (view, { headers }) => requireReader(view, headers.authorization, clock.now()),
    noChannel: () => repeaterError('LW_REPEATER_NO_CHANNEL'),
    noObject: () => repeaterError('LW_REPEATER_NO_OBJECT'),
    wantCompressed: ({ digest }) => compressor.ask(digest),
  })
  addChannelRoutes({
    ...context,
    pages: { headers: pageHeaders, list: channelListPage, channel: channelPage },
    baseUrl: () => context.origin.url,
    readable: async (request) => readableChannel(context, request),
    noObject: () => repeaterError('LW_REPEATER_NO_OBJECT'),
  })
  server.app.post<ChannelParams>('/:name/update', (request) => {
    throw repeaterError('LW_REPEATER_ASK_ORIGIN', {
      members: { origin: `${context.origin.url}/${request.params.name.slice(0, 64)}` },
    })
  })
}

/**
 * The channel of a request that may read it.
 * @throws LW_REPEATER_NO_CHANNEL, LW_REPEATER_TICKET, LW_TRUST_TICKET, LW_TRUST_TICKET_EXPIRED
 */
export function readableChannel(
  context: ServingContext,
  request: FastifyRequest<ChannelParams>,
): ChannelView {
  const { name } = request.params
  const channel = context.catalogue.find(name)
  if (channel === undefined) {
    throw repeaterError('LW_REPEATER_NO_CHANNEL', {
      detail: `It is ${JSON.stringify(name.slice(0, 64))}.`,
    })
  }
  requireReader(channel, request.headers.authorization, context.clock.now())
  return channel
}
