import { checkTicket, type ChannelView } from '../../serving/channels/index.ts'
import { publicKeyFromSpki } from '../../trust/index.ts'
import { repeaterError } from '../errors.ts'

/**
 * Lets everybody read an open channel, and a closed one who shows a ticket of its origin: the key
 * that tickets are verified with stands in the signed manifest, so that none is needed here.
 * @param authorization the request's field of that name
 * @throws LW_REPEATER_TICKET, LW_TRUST_TICKET, LW_TRUST_TICKET_EXPIRED
 */
export function requireReader(
  channel: ChannelView,
  authorization: string | undefined,
  nowMs: number,
): void {
  if (channel.record.access === 'open') return
  const { ticketKey } = channel.attributes
  if (ticketKey === undefined) throw repeaterError('LW_REPEATER_TICKET')
  const key = publicKeyFromSpki(ticketKey)
  const ticket = checkTicket(channel, { authorization, key, nowMs })
  if (ticket === undefined) throw repeaterError('LW_REPEATER_TICKET')
}
