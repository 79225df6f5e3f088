import { type PublicKey, type Ticket, verifyTicket } from '../../trust/index.ts'
import type { ChannelView } from './channel-catalogue.ts'

/** The ticket that a request shows; undefined when it shows none. */
export function ticketOf(authorization: string | undefined): string | undefined {
  return /^Bearer (lwt1\.[\w-]{1,1019})$/i.exec(authorization ?? '')?.[1]
}

/**
 * Looks at the ticket of a request for a closed channel.
 * @param key the channel's key for tickets
 * @returns undefined when the request shows none
 * @throws LW_TRUST_TICKET, LW_TRUST_TICKET_EXPIRED
 */
export function checkTicket(
  { record }: { readonly record: Pick<ChannelView['record'], 'channelId'> },
  shown: {
    readonly authorization: string | undefined
    readonly key: PublicKey
    /** Milliseconds since 1970. */
    readonly nowMs: number
  },
): Ticket | undefined {
  const ticket = ticketOf(shown.authorization)
  if (ticket === undefined) return undefined
  const { key: publicKey, nowMs } = shown
  return verifyTicket(ticket, { publicKey, channelId: record.channelId, nowMs })
}
