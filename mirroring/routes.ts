import { bundleFormat } from '../delta/index.ts'
import { type BundleOffer, isLongwaveError, parseDocument, RouteOffer } from '../protocol/index.ts'
import type { ReleaseTarget } from '../trust/index.ts'
import { type FetchContext, requestOptions } from './fetch-context.ts'
import { mirroringLimits } from './limits.ts'
import type { PackSource } from './pack-source.ts'

/** One way from the held release to the head. */
export type Route =
  | { readonly kind: 'bundle'; readonly steps: readonly BundleOffer[]; readonly bytes: number }
  /** Objects alone or in packs; `bytes` is an upper bound: compressed forms are smaller. */
  | { readonly kind: 'whole'; readonly bytes: number; readonly packs?: PackSource }

export interface RouteQuestion {
  /** 0 when nothing is held. */
  readonly from: number
  /** Bytes of the files of the release that is held. */
  readonly heldBytes: number
  readonly head: ReleaseTarget
  /** Bytes of the objects that are not held. */
  readonly wholeBytes: number
}

/**
 * The routes to the head, cheapest first. Bundles that the publisher signed into the release come
 * from the metadata; a live transmitter is asked for the others.
 */
export async function findRoutes(
  context: FetchContext,
  question: RouteQuestion,
): Promise<readonly Route[]> {
  const offers = signedOffers(question)
  const bundles: Route[] = offers.map((offer) => ({
    kind: 'bundle',
    steps: [offer],
    bytes: offer.bytes,
  }))
  let wholeBytes = question.wholeBytes
  let packs: { readonly packs?: PackSource } = {}
  if (question.head.bundles === undefined) {
    const { told } = context
    const isTold = told?.from === question.from && told.to === question.head.release
    const [source] = context.sources
    const answer =
      isTold && source !== undefined ? { source, offer: told } : await askedOffer(context, question)
    if (answer !== undefined) {
      const { offer } = answer
      bundles.push(...routesOf(offer, question))
      wholeBytes = Math.min(wholeBytes, offer.wholeBytes ?? wholeBytes)
      packs = packsOf(answer)
    }
  }
  const whole: Route = { kind: 'whole', bytes: wholeBytes, ...packs }
  return [...bundles, whole].sort((a, b) => a.bytes - b.bytes)
}

/** An offer and the channel URL where what it names is asked for. */
interface HeardOffer {
  readonly source: string
  readonly offer: RouteOffer
}

function packsOf({ source, offer }: HeardOffer): { readonly packs?: PackSource } {
  return offer.packs === undefined ? {} : { packs: { url: source, offer: offer.packs } }
}

function signedOffers(question: RouteQuestion): BundleOffer[] {
  return (question.head.bundles ?? [])
    .filter((bundle) => bundle.from === question.from && bundle.format === bundleFormat)
    .map((bundle) => ({ ...bundle, to: question.head.release }))
}

/** Asks the sources for an offer; one that is still being made is asked for again a few times. */
async function askedOffer(
  context: FetchContext,
  question: RouteQuestion,
): Promise<HeardOffer | undefined> {
  for (const source of context.sources) {
    try {
      const offer = await askSource(context, source, question)
      return offer === undefined ? undefined : { source, offer }
    } catch (error) {
      context.signal?.throwIfAborted()
      if (!isLongwaveError(error)) throw error
    }
  }
  return undefined
}

async function askSource(
  context: FetchContext,
  source: string,
  question: RouteQuestion,
): Promise<RouteOffer | undefined> {
  const url = `${source}/deltas/${question.from}..${question.head.release}`
  for (let ask = 1; ; ask++) {
    const answer = await context.transport.fetchBytes(url, {
      ...requestOptions(context),
      bytesMax: mirroringLimits.offerBytesMax,
      acceptStatus: [301, 302, 403, 404, 410],
    })
    if (answer.status !== 200 && answer.status !== 202) return undefined
    const offer = readOffer(answer.bytes)
    // Who has nothing yet waits for nothing: whole files are to be had at once.
    const asksMax = question.from === 0 ? 1 : mirroringLimits.bundleAsksMax
    if (answer.status === 200 || ask >= asksMax) return offer
    const seconds = Number(answer.headers['retry-after'] ?? 1)
    if (!(seconds >= 0 && seconds <= mirroringLimits.bundleWaitSecondsMax)) return offer
    await context.clock.sleep(seconds * 1000, context.signal)
  }
}

/** A static server may answer a directory page or anything else: that is "no offer". */
function readOffer(bytes: Uint8Array): RouteOffer | undefined {
  try {
    return parseDocument(RouteOffer, bytes)
  } catch {
    return undefined
  }
}

function routesOf(offer: RouteOffer, question: RouteQuestion): Route[] {
  const { from, to, format, sha256, bytes } = offer
  const routes: Route[] = []
  if (from !== question.from || to !== question.head.release) return routes
  if (format === bundleFormat && sha256 !== undefined && bytes !== undefined) {
    routes.push({ kind: 'bundle', steps: [{ from, to, format, sha256, bytes }], bytes })
  }
  const chain = chainOf(offer.chain ?? [], question)
  if (chain !== undefined) routes.push(chain)
  return routes
}

function chainOf(steps: readonly BundleOffer[], question: RouteQuestion): Route | undefined {
  if (steps.length < 2 || steps.length > mirroringLimits.chainStepsMax) return undefined
  let at = question.from
  for (const step of steps) {
    if (step.from !== at || step.to <= at || step.format !== bundleFormat) return undefined
    at = step.to
    if (at !== question.head.release && !isBounded(step, question)) return undefined
  }
  if (at !== question.head.release) return undefined
  return { kind: 'bundle', steps, bytes: steps.reduce((sum, step) => sum + step.bytes, 0) }
}

/** A release between may not be used to fill the disk: its figures are nobody's signed word. */
function isBounded(step: BundleOffer, question: RouteQuestion): boolean {
  const { figures } = step
  if (figures === undefined) return false
  const larger = Math.max(question.heldBytes, question.head.totalBytes)
  const bytesMax = larger * mirroringLimits.chainGrowthMax + mirroringLimits.chainGrowthBytes
  return figures.totalBytes <= bytesMax && figures.largestFileBytes <= figures.totalBytes
}
