import { publicKeyFromSpki, verifyTicket } from '../../trust/index.ts'
import { repeaterError } from '../errors.ts'
import type { ServedChannel } from './served-channels.ts'

/**
 * Lets everybody read an open channel, and a closed one who shows a ticket of its origin: the key
 * that tickets are verified with stands in the signed manifest, so that none is needed here.
 * @param authorization the request's field of that name
 * @throws LW_REPEATER_TICKET, LW_TRUST_TICKET, LW_TRUST_TICKET_EXPIRED
 */
export function requireReader(
  channel: ServedChannel,
  authorization: string | undefined,
  nowMs: number,
): void {
  if (channel.record.access === 'open') return
  const ticket = /^Bearer (\S{1,1024})$/i.exec(authorization ?? '')?.[1]
  const key = channel.attributes.ticketKey
  if (ticket === undefined || key === undefined) throw repeaterError('LW_REPEATER_TICKET')
  const publicKey = publicKeyFromSpki(key)
  verifyTicket(ticket, { publicKey, channelId: channel.record.channelId, nowMs })
}
