import type { HotHandler, HotHeaders, RawExchange } from '../serving/index.ts'
import { servingError } from '../serving/index.ts'
import {
  type Channels,
  isTrustFile,
  type ProxiedChannel,
  sendDocument,
  SingleFlight,
  type TrustCache,
} from './channels/index.ts'
import type { Content } from './content/index.ts'
import type { ProxyContext } from './context.ts'
import { proxyError } from './errors.ts'
import { proxyLimits as limits } from './limits.ts'
import type { Offers } from './offers.ts'
import { relay } from './relay.ts'
import { isViaPath, parseTarget, type ProxyTarget } from './targets.ts'
import {
  anonymous,
  credentialsOf,
  isSharable,
  readerKey,
  type UpstreamDocument,
} from './upstream/index.ts'

/** What `addViaRoutes` takes. */
export interface ViaRoutes {
  readonly context: ProxyContext
  readonly channels: Channels
  readonly content: Content
  readonly trust: TrustCache
  readonly offers: Offers
}

/** Everything that tuners GET below `/-/via/`, taken before the router. */
export function addViaRoutes(parts: ViaRoutes): void {
  const { context } = parts
  const files = new SingleFlight<UpstreamDocument>()
  context.server.hot.addMatcher((path) => {
    if (!isViaPath(path)) return undefined
    const outcome = parseTarget(path, context.origins)
    if (outcome.kind === 'elsewhere') return refuse(context, proxyError('LW_PROXY_ORIGIN'))
    if (outcome.kind === 'unknown') return refuse(context, proxyError('LW_PROXY_TARGET'))
    const { target } = outcome
    const channel = parts.channels.get(target.base, target.name)
    return (request, response, headers) => {
      dispatch(parts, files, { exchange: { request, response }, headers, target, channel })
      return true
    }
  })
}

function refuse(context: ProxyContext, error: Error): HotHandler {
  return (request, response) => {
    context.server.answerError({ request, response }, error)
    return true
  }
}

interface Ask {
  readonly exchange: RawExchange
  readonly headers: HotHeaders
  readonly target: ProxyTarget
  readonly channel: ProxiedChannel
}

function dispatch(parts: ViaRoutes, files: SingleFlight<UpstreamDocument>, ask: Ask): void {
  const { context } = parts
  const { exchange, target } = ask
  const { wanted } = target
  switch (wanted.kind) {
    case 'object':
    case 'bundle':
      parts.content.handle(ask, wanted)
      return
    case 'poll':
      settle(context, exchange, poll(context, ask))
      return
    case 'trust':
      settle(context, exchange, trustFile(parts, files, ask, wanted))
      return
    case 'offer':
      settle(context, exchange, parts.offers.answer({ ...ask, wanted }))
      return
    case 'document':
      settle(context, exchange, relay(context, exchange, target, 'requests'))
      return
    case 'update':
      context.server.answerError(
        exchange,
        servingError('LW_SERVE_METHOD', { members: { allow: ['POST'] } }),
      )
      return
  }
}

function settle(
  context: ProxyContext,
  exchange: RawExchange,
  work: Promise<void> | undefined,
): void {
  work?.catch((error: unknown) => context.server.answerError(exchange, error))
}

function poll(context: ProxyContext, ask: Ask): Promise<void> | undefined {
  const { exchange, headers, target, channel } = ask
  const { request, response } = exchange
  const { measures, clock } = context
  measures.polls += 1
  if (readerKey(credentialsOf(request)) !== anonymous) {
    return relay(context, exchange, target, 'requests')
  }
  if (channel.poll.isFresh(clock.now())) {
    channel.poll.answer(request, response, headers)
    return undefined
  }
  return channel.poll
    .refresh(() => clock.now())
    .then((outcome) => {
      if (outcome.kind === 'kept') channel.poll.answer(request, response, headers)
      else sendDocument(request, response, outcome.answer)
    })
}

/** Numbered trust files never change; one that is not there yet is asked for every time. */
async function trustFile(
  parts: ViaRoutes,
  files: SingleFlight<UpstreamDocument>,
  ask: Ask,
  wanted: { readonly role: string; readonly version: number },
): Promise<void> {
  const { context, trust } = parts
  const { exchange, target, channel } = ask
  const { request, response } = exchange
  const { clock } = context
  if (readerKey(credentialsOf(request)) !== anonymous) {
    return relay(context, exchange, target, 'requests')
  }
  const key = `${channel.url}/${target.rest}`
  const now = () => clock.now()
  if (trust.find(key, now()) !== undefined && !channel.poll.isRecent(now())) {
    await channel.poll.refresh(now)
  }
  const kept = channel.poll.isRecent(now()) ? trust.find(key, now()) : undefined
  if (kept !== undefined) {
    sendDocument(request, response, kept)
    return
  }
  const answer = await files.run(key, () =>
    context.upstream.askDocument(
      {
        origin: target.base.origin,
        path: target.path,
        method: 'GET',
        lane: 'requests',
        fields: {},
      },
      limits.trustFileBytesMax,
    ),
  )
  const isKeepable = answer.status === 200 && isSharable(answer.headers)
  if (isKeepable && isTrustFile(answer.bytes, wanted.role, wanted.version)) {
    trust.keep(key, answer, now())
    if (wanted.role === 'targets') parts.offers.noteTargets(channel, answer.bytes)
  }
  sendDocument(request, response, answer)
}
