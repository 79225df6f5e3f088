import type { TunerContext } from '../context.ts'
import { tunerError } from '../errors.ts'
import type { Subscription } from '../subscriptions/index.ts'

/**
 * Records the user's decision that a channel may run without a sandbox, or takes it back. A grant
 * belongs to one channel id: another publisher under the same name does not inherit it.
 */
export async function setGrant(
  context: TunerContext,
  subscription: Subscription,
  granted: boolean,
): Promise<void> {
  if (granted && subscription.firstUse === 'unsigned') {
    throw tunerError('LW_TUNER_UNSIGNED', {
      detail: `${subscription.name} cannot be trusted to run without a sandbox.`,
      untouched: 'Nothing was changed.',
    })
  }
  const at = new Date(context.clock.now()).toISOString()
  await context.turns.take(subscription.id, async () => {
    const latest = (await context.subscriptions.find(subscription.id)) ?? subscription
    const { grant: _grant, ...rest } = latest
    await context.subscriptions.save(
      granted ? { ...rest, grant: { channel: latest.channel, at } } : rest,
    )
  })
  await context.history.add({
    subscription: subscription.id,
    event: granted ? 'trusted' : 'distrusted',
    text: granted
      ? 'The user lets the channel run without a sandbox.'
      : 'The channel may no longer run without a sandbox.',
  })
}

/** Whether the user's grant holds for the channel as it is now. */
export function isGranted(subscription: Subscription): boolean {
  return subscription.grant?.channel === subscription.channel
}
