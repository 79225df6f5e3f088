import { checkTicket } from '../../serving/channels/index.ts'
import type { ChannelRecord } from '../../store/server-records/index.ts'
import type { OnlineKeys } from '../online-keys/index.ts'
import { transmitterError } from '../errors.ts'
import type { PublishAccess } from './publish-access.ts'

type Closable = Pick<ChannelRecord, 'name' | 'access' | 'channelId'>

/**
 * Lets everybody ask for updates of an open channel, and of a closed one who holds a token for
 * reading it: a ticket is what such a one gets, and does not bring the next.
 * @throws LW_TRANSMIT_CLOSED
 */
export async function requireToken(
  access: PublishAccess,
  channel: Closable,
  authorization: string | undefined,
): Promise<void> {
  if (channel.access === 'open' || (await access.isReader(authorization, channel.name))) return
  throw transmitterError('LW_TRANSMIT_CLOSED')
}

/**
 * Lets everybody read an open channel, and a closed one who shows a token or a ticket for it:
 * knowing a name or a hash grants nothing.
 * @throws LW_TRANSMIT_CLOSED, LW_TRUST_TICKET, LW_TRUST_TICKET_EXPIRED
 */
export async function requireReader(
  context: {
    readonly access: PublishAccess
    readonly keys: OnlineKeys
    readonly clock: { now(): number }
  },
  channel: Closable,
  authorization: string | undefined,
): Promise<void> {
  if (channel.access === 'open') return
  const key = await context.keys.key(channel.name, 'ticket')
  const nowMs = context.clock.now()
  const ticket = checkTicket({ record: channel }, { authorization, key, nowMs })
  if (ticket === undefined) await requireToken(context.access, channel, authorization)
}
