import type { FastifyRequest } from 'fastify'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import type { ChannelGrant } from './repeater-news.ts'

/**
 * The channels that a request's token opens to a repeater: one made for repeaters, or the
 * transmitter's own.
 * @throws LW_TRANSMIT_REPEATER_TOKEN
 */
export async function requireRepeater(
  context: TransmitterContext,
  request: FastifyRequest,
): Promise<ChannelGrant> {
  const grant = await context.access.repeaterGrant(request.headers.authorization)
  if (grant !== undefined) return grant
  throw transmitterError('LW_TRANSMIT_REPEATER_TOKEN', {
    next: 'On the transmitter: longwave repeater token. On the repeater: --token.',
  })
}
