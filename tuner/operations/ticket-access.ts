import { isLongwaveError } from '../../protocol/index.ts'
import type { RequestOptions, Transport, TransferSink } from '../../transport/index.ts'
import { loadTrustState } from '../../trust/index.ts'
import type { OperationOptions, TunerContext } from '../context.ts'
import { tunerError } from '../errors.ts'
import type { Subscription } from '../subscriptions/index.ts'
import { sendRequest } from '../update-requests/send-request.ts'
import { operationLimits as limits } from './limits.ts'
import { forgetTicket, freshTicket, rememberAnswer, ticketHeaders } from './tickets.ts'

/** Whether the origin must be asked for a ticket before anything else is asked for. */
export async function isTicketWanted(
  context: TunerContext,
  subscription: Subscription,
): Promise<boolean> {
  if (freshTicket(context, subscription) !== undefined) return false
  return (await context.subscriptions.tokens.find(subscription)) !== undefined
}

/**
 * Shows the token to the origin and remembers the ticket that it gives. Nothing else is told, and
 * what else the answer brings comes with the next update.
 * @returns undefined when the origin gave none, as it does for open channels
 * @throws LW_TRANSMIT_CLOSED, LW_UPDATE_…, transfer errors
 */
export async function obtainTicket(
  context: TunerContext,
  subscription: Subscription,
  options: OperationOptions & { readonly token?: string | undefined },
): Promise<string | undefined> {
  const { fs, subscriptions, requests } = context
  const { id } = subscription
  const state = await loadTrustState(fs, subscriptions.trustFile(id), { mustExist: false })
  const held = await requests.find(id)
  const extras = held ?? { release: 0, manifest: null, hasPlugin: false }
  const { token } = options
  let ticket: string | undefined
  try {
    const facts = { subscription, state, pending: undefined, extras, token }
    const { signal } = options
    const sent = await sendRequest(context, facts, signal === undefined ? {} : { signal })
    ticket = sent.answer?.ticket
  } catch (error) {
    if (!takesNoRequests(error)) throw error
  }
  forgetTicket(context, subscription)
  rememberAnswer(context, subscription, ticket)
  return ticket
}

/** Whether a server is none that takes update requests, such as one of static files. */
export function takesNoRequests(error: unknown): boolean {
  if (!isLongwaveError(error) || isTicketRefusal(error)) return false
  // A repeater sends those who ask it for updates to the origin.
  if (error.members['httpStatus'] === 421) return false
  return /^LW_TRANSFER_(NOT_FOUND|REFUSED|DENIED)$/.test(error.code)
}

/** One request for a ticket at a time serves all that wait for it. */
const asking = new WeakMap<TunerContext, Map<string, Promise<unknown>>>()

function askOnce(
  context: TunerContext,
  subscription: Subscription,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const all = asking.get(context) ?? new Map<string, Promise<unknown>>()
  asking.set(context, all)
  const { id } = subscription
  const under = all.get(id)
  if (under !== undefined) return under
  const options = signal === undefined ? {} : { signal }
  const asked = obtainTicket(context, subscription, options).finally(() => all.delete(id))
  all.set(id, asked)
  return asked
}

/** Gets another ticket for one that was refused. @returns whether it is worth trying again */
async function renewTicket(
  context: TunerContext,
  subscription: Subscription,
  options: { readonly shown: string | undefined; readonly signal: AbortSignal | undefined },
): Promise<boolean> {
  if ((await context.subscriptions.tokens.find(subscription)) === undefined) return false
  const fresh = freshTicket(context, subscription)
  // Another request was refused as well, and has renewed it.
  if (fresh !== undefined && fresh.ticket !== options.shown) return true
  if (fresh !== undefined && fresh.ageMs < limits.ticketRestMs) return false
  await askOnce(context, subscription, options.signal)
  return true
}

/**
 * A transport that shows the ticket of a closed channel with every request, to the origin, to its
 * repeaters and to the proxy alike. It is got anew before it runs out, and once when it is refused.
 * The token itself never passes here.
 */
export function withTicket(
  context: TunerContext,
  subscription: Subscription,
  transport: Transport,
): Transport {
  const show = async <Answer>(
    request: RequestOptions,
    send: (headers: Readonly<Record<string, string>>) => Promise<Answer>,
    mayRepeat: () => boolean,
  ): Promise<Answer> => {
    const { signal } = request
    if (await isTicketWanted(context, subscription)) await askOnce(context, subscription, signal)
    const shown = freshTicket(context, subscription)?.ticket
    const attempt = (): Promise<Answer> =>
      send({ ...request.headers, ...ticketHeaders(context, subscription).headers })
    try {
      return await attempt()
    } catch (error) {
      if (!isTicketRefusal(error) || !mayRepeat()) throw error
      if (!(await renewTicket(context, subscription, { shown, signal }))) throw error
      return attempt()
    }
  }
  const always = (): boolean => true
  return {
    fetchBytes: (url, request) =>
      show(request, (headers) => transport.fetchBytes(url, { ...request, headers }), always),
    fetchConditional: (url, request) =>
      show(request, (headers) => transport.fetchConditional(url, { ...request, headers }), always),
    fetchToSink(url, request) {
      const { sink, hasBegun } = watched(request.sink)
      // A download that has begun goes on where it stopped when its caller asks again.
      return show(
        request,
        (headers) => transport.fetchToSink(url, { ...request, headers, sink }),
        () => !hasBegun(),
      )
    },
    postForStream(url, request) {
      let hasBegun = false
      const take = (chunk: Uint8Array): Promise<void> | void => {
        hasBegun = true
        return request.take(chunk)
      }
      return show(
        request,
        (headers) => transport.postForStream(url, { ...request, headers, take }),
        () => !hasBegun,
      )
    },
    postJson: (url, request) => transport.postJson(url, request),
    upload: (url, request) => transport.upload(url, request),
    stop: () => transport.stop(),
    [Symbol.asyncDispose]: () => transport.stop(),
  }
}

function watched(sink: TransferSink): {
  readonly sink: TransferSink
  readonly hasBegun: () => boolean
} {
  let begun = false
  return {
    sink: {
      write(chunk) {
        begun = true
        return sink.write(chunk)
      },
      restart: () => sink.restart(),
    },
    hasBegun: () => begun,
  }
}

/**
 * Whether a server refuses who shows no ticket or token, or one that opens nothing. The codes of
 * servers are their own, and need not be declared where a tuner runs.
 */
export function isTicketRefusal(error: unknown): boolean {
  if (!isLongwaveError(error)) return false
  const { code, members } = error
  const said = code === 'LW_TRANSFER_DENIED' ? String(members['serverCode']) : code
  return /^LW_(TRANSMIT_CLOSED|REPEATER_TICKET|TRUST_TICKET(_EXPIRED)?)$/.test(said)
}

/** What a reader is told when a closed channel did not let this tuner in; else the error itself. */
export async function closedFailure(
  context: TunerContext,
  subscription: Subscription,
  error: unknown,
): Promise<unknown> {
  if (!isTicketRefusal(error)) return error
  const token = await context.subscriptions.tokens.find(subscription)
  return closedError(subscription.url, { hasToken: token !== undefined, cause: error })
}

/** The refusal of a closed channel, and the way out of it. */
export function closedError(
  url: string,
  { hasToken, cause }: { readonly hasToken: boolean; readonly cause: unknown },
): unknown {
  if (!isTicketRefusal(cause)) return cause
  return tunerError('LW_TUNER_CLOSED', {
    detail: hasToken
      ? 'The token was revoked, has run out, or is for another channel.'
      : 'No token for reading it was given.',
    untouched: 'What is installed stays as it is.',
    next: `longwave subscribe ${url} --read-token TOKEN`,
    cause,
  })
}
