import {
  type RouteOffer,
  RouteOffer as RouteOfferSchema,
  parseDocument,
} from '../protocol/index.ts'
import type { RawExchange } from '../serving/index.ts'
import type { BundleMaker, KnownReleases, OwnBundle } from './bundles/index.ts'
import { type ProxiedChannel, sendDocument } from './channels/index.ts'
import type { ProxyContext } from './context.ts'
import { proxyLimits as limits } from './limits.ts'
import type { ProxyTarget } from './targets.ts'
import {
  anonymous,
  credentialsOf,
  type Fields,
  readerKey,
  relayedRequestFields,
  type UpstreamDocument,
} from './upstream/index.ts'

/** A question for the ways from one release to another. */
export interface OfferAsk {
  readonly exchange: RawExchange
  readonly target: ProxyTarget
  readonly channel: ProxiedChannel
  readonly wanted: { readonly from: number; readonly to: number }
}

interface RecentOffer {
  readonly answer: Promise<UpstreamDocument>
  readonly atMs: number
}

/**
 * Offers are never kept, but those who ask within two seconds share one answer. Where the origin
 * has no bundle ready, one that the proxy made stands in.
 */
export class Offers {
  readonly #context: ProxyContext
  readonly #maker: BundleMaker
  readonly #releases: KnownReleases
  readonly #recent = new Map<string, RecentOffer>()

  constructor(context: ProxyContext, maker: BundleMaker, releases: KnownReleases) {
    this.#context = context
    this.#maker = maker
    this.#releases = releases
  }

  async answer(ask: OfferAsk): Promise<void> {
    const { exchange, target, channel, wanted } = ask
    const { request, response } = exchange
    if (readerKey(credentialsOf(request)) !== anonymous) {
      this.#context.measures.relayed += 1
      const own = await this.#askOrigin(target, relayedRequestFields(request))
      sendDocument(request, response, own)
      return
    }
    const answer = await this.#ask(ask)
    const offered = readOffer(answer)
    if (offered === 'refused' || offered?.sha256 !== undefined) {
      sendDocument(request, response, answer)
      return
    }
    const state = await this.#maker.ask(channel, wanted.from, wanted.to)
    if (state.kind === 'none') sendDocument(request, response, answer)
    else {
      const facts = offered ?? { from: wanted.from, to: wanted.to }
      const own = state.kind === 'ready' ? state.bundle : undefined
      sendDocument(request, response, documentOf(facts, own))
    }
  }

  /** A targets file passed: it tells which manifest a release has. */
  noteTargets(channel: ProxiedChannel, bytes: Buffer): void {
    this.#releases.note(channel.url, bytes)
  }

  #ask(ask: OfferAsk): Promise<UpstreamDocument> {
    const { target, channel } = ask
    const nowMs = this.#context.clock.now()
    const key = `${channel.url}/${target.rest}`
    const recent = this.#recent.get(key)
    if (recent !== undefined && nowMs - recent.atMs < limits.offerMs) return recent.answer
    if (this.#recent.size >= limits.offersMax) this.#recent.clear()
    const answer = this.#askOrigin(target, {})
    this.#recent.set(key, { answer, atMs: nowMs })
    answer.catch(() => this.#recent.delete(key))
    return answer
  }

  async #askOrigin({ base, path }: ProxyTarget, fields: Fields): Promise<UpstreamDocument> {
    const answer = await this.#context.upstream.askDocument(
      { origin: base.origin, path, method: 'GET', lane: 'requests', fields },
      limits.documentBytesMax,
    )
    return withoutPacks(answer)
  }
}

/**
 * Packs do not pass the proxy: objects cross the firewall one by one and once, and everybody behind
 * it gets the kept ones.
 */
function withoutPacks(answer: UpstreamDocument): UpstreamDocument {
  const offered = readOffer(answer)
  if (offered === undefined || offered === 'refused' || offered.packs === undefined) return answer
  const { packs: _packs, ...others } = offered
  return { ...answer, bytes: Buffer.from(JSON.stringify(others)) }
}

/** What the origin offers; undefined when it has nothing to say, `refused` when it says no. */
function readOffer(answer: UpstreamDocument): RouteOffer | undefined | 'refused' {
  if (answer.status === 404) return undefined
  if (answer.status !== 200 && answer.status !== 202) return 'refused'
  try {
    return parseDocument(RouteOfferSchema, answer.bytes)
  } catch {
    return 'refused'
  }
}

function documentOf(facts: RouteOffer, own: OwnBundle | undefined): UpstreamDocument {
  const bytes = Buffer.from(JSON.stringify({ ...facts, ...own }))
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  return own === undefined
    ? { status: 202, headers: { ...headers, 'retry-after': '1' }, bytes }
    : { status: 200, headers, bytes }
}
