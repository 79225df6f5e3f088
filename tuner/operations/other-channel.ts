import {
  type Digest,
  fingerprintsOf,
  isDigest,
  isLongwaveError,
  subscribeLink,
} from '../../protocol/index.ts'
import { trustError } from '../../trust/index.ts'
import type { Subscription } from '../subscriptions/index.ts'

/**
 * The refusal of a link that names another channel than the one that is subscribed under its URL: a
 * slip of the hand most likely, and nothing that the channel itself did.
 */
export function otherChannelLinked(subscription: Subscription, found: Digest): Error {
  const { channel, name } = subscription
  const [ours, theirs] = fingerprintsOf(channel, found)
  return trustError('LW_TRUST_CHANNEL_REPLACED', {
    detail: `The link names another channel than the one subscribed as ${name}: that is ${ours}, the link says ${theirs}.`,
    members: { trusted: channel, found },
    untouched: 'Nothing was asked and nothing was changed.',
    next: `Check the link. If the publisher confirms the new fingerprint: ${replaceCommand(subscription, found)}`,
  })
}

/** Names the command in full where a channel's place was taken; other errors come back as they are. */
export function withReplaceCommand(subscription: Subscription, error: unknown): unknown {
  if (!isLongwaveError(error, 'LW_TRUST_CHANNEL_REPLACED')) return error
  const { found } = error.members
  if (!isDigest(found)) return error
  return error.withDetails({
    next: `If the publisher confirms the new fingerprint: ${replaceCommand(subscription, found)}`,
  })
}

function replaceCommand({ name, url }: Subscription, found: Digest): string {
  return `longwave trust ${name} --replace '${subscribeLink(url, found)}'`
}
