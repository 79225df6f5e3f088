import { type PollOutcome, pollChannel } from '../../mirroring/index.ts'
import {
  createTrustClient,
  loadTrustState,
  saveTrustState,
  type TrustClient,
} from '../../trust/index.ts'
import type { OperationOptions, TunerContext } from '../context.ts'
import { tunerError } from '../errors.ts'
import { type RepeaterUse, useRepeater } from '../repeaters/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { indexRoute } from './follow-index.ts'
import { requestUrl } from './request-url.ts'
import { withTicket } from './ticket-access.ts'

/** Where content is fetched from: the assigned repeater, then the origin. */
export function contentRoute(
  context: TunerContext,
  subscription: Subscription,
): ReturnType<RepeaterUse['content']> {
  if (subscription.firstUse === 'unsigned') return indexRoute(context, subscription)
  const { sources, transport } = useRepeater(
    context,
    subscription,
    requestUrl(subscription),
  ).content()
  return { sources, transport: withTicket(context, subscription, transport) }
}

/**
 * Asks for the head and verifies it against what was verified before. The trust state is kept
 * durably with every new root and after a complete refresh.
 * @throws LW_TRUST_…, transfer errors; nothing of a failed refresh but verified roots is kept
 */
export async function pollSubscription(
  context: TunerContext,
  subscription: Subscription,
  options: AskOptions & { readonly client?: TrustClient },
): Promise<PollOutcome> {
  const client = options.client ?? (await openTrust(context, subscription, options))
  const use = useRepeater(context, subscription, requestUrl(subscription))
  const transport = withTicket(context, subscription, context.transport)
  return use.poll((url, { mirror, signal }) => {
    const signals = [options.signal, signal].filter((each) => each !== undefined)
    return pollChannel({
      transport,
      url,
      client,
      mirror,
      etag: options.etag,
      ...(signals.length === 0 ? {} : { signal: AbortSignal.any(signals) }),
    })
  })
}

/** How the head is asked for. */
export interface AskOptions extends OperationOptions {
  readonly etag?: string | undefined
  readonly minimumRootVersion?: number | undefined
  /** A subscription that has been verified before must still have its trust file. */
  readonly mustExist: boolean
}

/** The trust client of a subscription, with what was verified before. @throws LW_TRUST_… */
export async function openTrust(
  context: TunerContext,
  subscription: Subscription,
  options: AskOptions,
): Promise<TrustClient> {
  const { firstUse } = subscription
  if (firstUse === 'unsigned') throw tunerError('LW_TUNER_UNSIGNED')
  const file = context.subscriptions.trustFile(subscription.id)
  const state = await loadTrustState(context.fs, file, { mustExist: options.mustExist })
  return createTrustClient({
    state,
    channelId: subscription.channel,
    subscription,
    ...(options.minimumRootVersion === undefined
      ? {}
      : { minimumRootVersion: options.minimumRootVersion }),
    firstUse,
    clock: context.clock,
    persist: (next) => saveTrustState(context.fs, file, next),
  })
}
