import type { ChannelRecord } from '../../store/server-records/index.ts'
import { transmitterError } from '../errors.ts'
import type { PublishAccess } from './publish-access.ts'

/**
 * Lets everybody read an open channel, and a closed one those who may publish or repeat it: knowing a name
 * or a hash grants nothing.
 * @throws LW_TRANSMIT_CLOSED
 */
export async function requireReader(
  access: PublishAccess,
  channel: Pick<ChannelRecord, 'name' | 'access'>,
  authorization: string | undefined,
): Promise<void> {
  if (channel.access === 'open') return
  if (await access.isPublisher(authorization, channel.name)) return
  if ((await access.repeaterGrant(authorization))?.(channel.name) === true) return
  throw transmitterError('LW_TRANSMIT_CLOSED')
}
