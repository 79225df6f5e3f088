import { repeaterBase } from '../../protocol/index.ts'
import type { TunerContext } from '../context.ts'
import { withTicket } from '../operations/ticket-access.ts'
import { standardOffsetMinutes } from '../schedules/index.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { askAssignment } from './ask-assignment.ts'
import { RepeaterUse } from './repeater-use.ts'

/** How a subscription reaches its channel: over its repeater, or straight to the origin. */
export function useRepeater(
  context: TunerContext,
  subscription: Subscription,
  origin: string,
): RepeaterUse {
  return new RepeaterUse({
    context,
    subscription,
    origin,
    ask: async (why) => {
      const repeater = await askRepeater(context, subscription, { origin, ...why })
      if (repeater !== undefined) await keepRepeater(context, subscription, repeater)
      return repeater
    },
    noteCompared: async () => {
      const comparedAt = new Date(context.clock.now()).toISOString()
      await change(context, subscription, { comparedAt })
    },
  })
}

/** The origin's word on which repeater to use. It decides where bytes come from, not which. */
export async function askRepeater(
  context: TunerContext,
  subscription: Subscription,
  question: {
    readonly origin: string
    readonly held?: string | undefined
    readonly failed?: boolean
    readonly signal?: AbortSignal | undefined
  },
): Promise<string | null | undefined> {
  // Behind a proxy all requests go through it: it fetches once, and may be the only way out.
  if (subscription.proxy !== undefined) return undefined
  return askAssignment(withTicket(context, subscription, context.transport), {
    ...question,
    tuner: (await context.feedback.identity(subscription.id)).tunerId,
    zoneMinutes: standardOffsetMinutes(context.clock.now(), context.zone),
  })
}

/** Remembers the repeater that was named last (C63); null is the origin itself. */
export async function keepRepeater(
  context: TunerContext,
  subscription: Subscription,
  named: string | null,
): Promise<void> {
  const isUsed = named !== null && subscription.proxy === undefined
  const repeater = isUsed ? repeaterBase(named) : undefined
  if (subscription.repeater !== repeater) await change(context, subscription, { repeater })
}

/** Changes what the disk has of a subscription, which may be newer than what is held in memory. */
async function change(
  context: TunerContext,
  subscription: Subscription,
  members: { readonly repeater?: string | undefined; readonly comparedAt?: string },
): Promise<void> {
  const latest = await context.subscriptions.find(subscription.id)
  if (latest === undefined) return
  const { repeater, ...rest } = { ...latest, ...members }
  await context.subscriptions.save(repeater === undefined ? rest : { ...rest, repeater })
}
