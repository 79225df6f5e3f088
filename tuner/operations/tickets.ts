import type { TunerContext } from '../context.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { operationLimits as limits } from './limits.ts'

interface KnownTicket {
  /** Undefined when the origin gave none: nothing there needs one. */
  readonly ticket: string | undefined
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
  if (ticket !== undefined) note(context, subscription, ticket)
}

/** Remembers what the origin answered: also that it gave no ticket, where none was held. */
export function rememberAnswer(
  context: TunerContext,
  subscription: Subscription,
  ticket: string | undefined,
): void {
  if (ticket !== undefined || freshTicket(context, subscription) === undefined) {
    note(context, subscription, ticket)
  }
}

function note(context: TunerContext, { id }: Subscription, ticket: string | undefined): void {
  const known = tickets.get(context) ?? new Map<string, KnownTicket>()
  tickets.set(context, known.set(id, { ticket, atMs: context.clock.now() }))
}

/** What the origin said lately; undefined when it is to be asked. */
export function freshTicket(
  context: TunerContext,
  { id }: Subscription,
): { readonly ticket: string | undefined; readonly ageMs: number } | undefined {
  const known = tickets.get(context)?.get(id)
  if (known === undefined) return undefined
  const ageMs = context.clock.now() - known.atMs
  return ageMs < limits.ticketUsedMs ? { ticket: known.ticket, ageMs } : undefined
}

/** Forgets a ticket that opened nothing. */
export function forgetTicket(context: TunerContext, { id }: Subscription): void {
  tickets.get(context)?.delete(id)
}

/** What a request for content shows, so that a closed channel is opened to it. */
export function ticketHeaders(
  context: TunerContext,
  subscription: Subscription,
): { readonly headers?: Readonly<Record<string, string>> } {
  const ticket = freshTicket(context, subscription)?.ticket
  return ticket === undefined ? {} : { headers: { authorization: `Bearer ${ticket}` } }
}
