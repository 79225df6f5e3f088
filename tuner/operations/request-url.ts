import { parseChannelAddress } from '../../protocol/index.ts'
import type { Subscription } from '../subscriptions/index.ts'

/** Where requests for a channel go: its origin, or a proxy that stands for it. */
export function requestUrl(subscription: Pick<Subscription, 'url' | 'proxy'>): string {
  if (subscription.proxy === undefined) return subscription.url
  const { base, name } = parseChannelAddress(subscription.url)
  const origin = encodeURIComponent(base.replace(/\/$/, ''))
  return `${subscription.proxy.replace(/\/$/, '')}/-/via/${origin}/${name}`
}
