import type { FastifyRequest } from 'fastify'
import type { TransmitterContext } from '../context.ts'
import type { RepeaterGrant } from '../access/index.ts'
import { transmitterError } from '../errors.ts'

/**
 * What a request's token opens to a repeater: one made for repeaters, or the transmitter's own.
 * @throws LW_TRANSMIT_REPEATER_TOKEN
 */
export async function requireRepeater(
  context: TransmitterContext,
  request: FastifyRequest,
): Promise<RepeaterGrant> {
  const grant = await context.access.repeaterGrant(request.headers.authorization)
  if (grant !== undefined) return grant
  throw transmitterError('LW_TRANSMIT_REPEATER_TOKEN', {
    next: 'On the transmitter: longwave repeater token. On the repeater: --token.',
  })
}

/**
 * `requireRepeater` for what one repeater says of itself: its token speaks for no other's URL.
 * @throws LW_TRANSMIT_REPEATER_TOKEN, LW_TRANSMIT_REPEATER_URL
 */
export async function requireRepeaterAt(
  context: TransmitterContext,
  request: FastifyRequest,
  url: string,
): Promise<RepeaterGrant> {
  const grant = await requireRepeater(context, request)
  if (await grant.speaksFor(url)) return grant
  throw transmitterError('LW_TRANSMIT_REPEATER_URL', {
    next: 'A repeater that moved needs a new token: longwave repeater token.',
  })
}
