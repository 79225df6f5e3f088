import type { FastifyRequest } from 'fastify'
import {
  addChannelRoutes,
  type ChannelParams,
  type ChannelView,
} from '../../serving/channels/index.ts'
import { channelListPage, channelPage, pageHeaders } from '../../web/index.ts'
import { requireReader } from '../access/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { askedRepeater, type RepeaterQuery } from '../repeaters/index.ts'

/** Lists, pages, subscription documents and trust files. */
export function addReadingRoutes(context: TransmitterContext): void {
  addChannelRoutes({
    ...context,
    pages: { headers: pageHeaders, list: channelListPage, channel: channelPage },
    baseUrl: () => context.publicUrl(),
    async listed({ headers }) {
      const opens = await context.access.readerGrant(headers.authorization)
      return ({ record }) => opens(record.name)
    },
    readable: (request) => readableChannel(context, request),
    noObject: () => transmitterError('LW_TRANSMIT_NO_OBJECT'),
    async personal({ record }, request) {
      const repeater = await askedRepeater(context, record.name, request.query as RepeaterQuery)
      return repeater === undefined ? undefined : { repeater }
    },
  })
}

/**
 * The channel of a request that may read it.
 * @throws LW_TRANSMIT_NO_CHANNEL, LW_TRANSMIT_CLOSED, LW_TRUST_TICKET, LW_TRUST_TICKET_EXPIRED
 */
export async function readableChannel(
  context: TransmitterContext,
  request: FastifyRequest<ChannelParams>,
): Promise<ChannelView> {
  const view = requireChannel(context, request.params.name)
  await requireReader(context, view.record, request.headers.authorization)
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
