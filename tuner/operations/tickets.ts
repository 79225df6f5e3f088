import type { TunerContext } from '../context.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { operationLimits as limits } from './limits.ts'

interface KnownTicket {
  readonly ticket: string
  readonly atMs: number
}

/** Tickets are for an hour and are not kept on the disk: the next update request brings another. */
const tickets = new WeakMap<TunerContext, Map<string, KnownTicket>>()

/** Remembers the ticket that an answer brought for a closed channel. */
export function rememberTicket(
  context: TunerContext,
  subscription: Subscription,
  ticket: string | undefined,
): void {
  if (ticket === undefined) return
  const known = tickets.get(context) ?? new Map<string, KnownTicket>()
  tickets.set(context, known.set(subscription.id, { ticket, atMs: context.clock.now() }))
}

/** What a request for content shows, so that a closed channel is opened to it. */
export function ticketHeaders(
  context: TunerContext,
  subscription: Subscription,
): { readonly headers?: Readonly<Record<string, string>> } {
  const known = tickets.get(context)?.get(subscription.id)
  if (known === undefined) return {}
  if (context.clock.now() - known.atMs >= limits.ticketUsedMs) return {}
  return { headers: { authorization: `Bearer ${known.ticket}` } }
}
