import { type PollOutcome, pollChannel } from '../../mirroring/index.ts'
import { parseChannelAddress } from '../../protocol/index.ts'
import { createTrustClient, loadTrustState, saveTrustState } from '../../trust/index.ts'
import type { OperationOptions, TunerContext } from '../context.ts'
import type { Subscription } from '../subscriptions/index.ts'

/** Where requests for a channel go: its origin, or a proxy that stands for it. */
export function requestUrl(subscription: Pick<Subscription, 'url' | 'proxy'>): string {
  if (subscription.proxy === undefined) return subscription.url
  const { base, name } = parseChannelAddress(subscription.url)
  const origin = encodeURIComponent(base.replace(/\/$/, ''))
  return `${subscription.proxy.replace(/\/$/, '')}/-/via/${origin}/${name}`
}

/** Channel URLs to fetch content from, best first: the assigned repeater, then the origin. */
export function contentSources(subscription: Subscription): readonly string[] {
  const origin = requestUrl(subscription)
  return subscription.repeater === undefined ? [origin] : [subscription.repeater, origin]
}

/**
 * Asks for the head and verifies it against what was verified before. The trust state is kept
 * durably with every new root and after a complete refresh.
 * @throws LW_TRUST_…, transfer errors; nothing of a failed refresh but verified roots is kept
 */
export async function pollSubscription(
  context: TunerContext,
  subscription: Subscription,
  options: OperationOptions & {
    readonly etag?: string | undefined
    readonly minimumRootVersion?: number | undefined
    /** A subscription that has been verified before must still have its trust file. */
    readonly mustExist: boolean
  },
): Promise<PollOutcome> {
  const file = context.subscriptions.trustFile(subscription.id)
  const state = await loadTrustState(context.fs, file, { mustExist: options.mustExist })
  const client = createTrustClient({
    state,
    channelId: subscription.channel,
    ...(options.minimumRootVersion === undefined
      ? {}
      : { minimumRootVersion: options.minimumRootVersion }),
    firstUse: subscription.firstUse,
    clock: context.clock,
    persist: (next) => saveTrustState(context.fs, file, next),
  })
  return pollChannel({
    transport: context.transport,
    url: requestUrl(subscription),
    client,
    etag: options.etag,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
}
