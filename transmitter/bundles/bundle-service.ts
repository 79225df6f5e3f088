import { bundleFormat, type Effort } from '../../delta/index.ts'
import {
  type BundleOffer,
  type ChannelName,
  type Digest,
  type ReleaseFigures,
  type RouteOffer,
  totalsOf,
} from '../../protocol/index.ts'
import { packOffer } from '../../serving/channels/index.ts'
import type {
  BundleKey,
  BundleRecord,
  ChannelRecord,
  ReleaseRecord,
} from '../../store/server-records/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { transmitterLimits as limits } from '../limits.ts'
import { MakingBudget } from '../making-budget.ts'
import { type BundleTask, makeAndOffer } from './bundle-maker.ts'
import { cheapestChain } from './chain.ts'
import { HeldReleases } from './held-releases.ts'
import { type WholeCost, WholeBytes } from './whole-bytes.ts'

/** How far a bundle is: ready, worth asking again soon, or not to be had. */
export type OfferState = 'ready' | 'making' | 'none'

export interface Offer {
  readonly state: OfferState
  readonly document: RouteOffer
}

interface Pair {
  readonly channel: ChannelRecord
  readonly next: ReleaseRecord
  readonly key: BundleKey
  readonly cost: WholeCost
}

/**
 * Makes and offers bundles: one making for any number of askers, off the event loop, fast first
 * and better in the background. What is not smaller than the objects themselves is never offered.
 */
export class BundleService {
  readonly #context: TransmitterContext
  readonly #whole: WholeBytes
  readonly #budget: MakingBudget
  readonly #held = new HeldReleases()
  readonly #urgent = new Map<string, BundleTask>()
  readonly #patient = new Map<string, BundleTask>()
  /** Pairs whose best bundle is not smaller than the objects: never tried again. */
  readonly #useless = new Set<string>()
  readonly #abort = new AbortController()
  readonly #knownFigures = new Map<Digest, ReleaseFigures>()
  #making: { readonly task: BundleTask; readonly abandon: AbortController } | undefined
  #running: Promise<void> | undefined
  /** The making under way. */
  #step: Promise<void> | undefined

  constructor(context: TransmitterContext) {
    this.#context = context
    this.#whole = new WholeBytes(context)
    this.#budget = new MakingBudget(context.clock, limits.bundleBudgetMs)
  }

  /**
   * What a tuner at release `from` is told; begins the making when nobody has.
   * @throws LW_TRANSMIT_NO_RELEASE unless `to` is the head and `from` is 0 or retained
   */
  async offer(name: ChannelName, from: number, to: number): Promise<Offer> {
    const { records } = this.#context
    const channel = await records.channels.find(name)
    if (channel === undefined || channel.headRelease !== to || from >= to) {
      throw transmitterError('LW_TRANSMIT_NO_RELEASE')
    }
    const held = from === 0 ? undefined : await records.releases.find(name, from)
    if (from !== 0 && held?.isRetained !== true) throw transmitterError('LW_TRANSMIT_NO_RELEASE')
    this.#held.note(name, from)
    const pair = await this.#pair(channel, from)
    const found = await records.bundles.find(pair.key)
    const wholeBytes = pair.cost.bytes
    const ready = found === undefined ? undefined : offerOf(found)
    const chain = await this.#chain(name, from, to)
    const facts = { from, to, wholeBytes, ...chain, packs: packOffer }
    if (ready !== undefined) {
      if (ready.bytes >= wholeBytes) return { state: 'none', document: facts }
      return { state: 'ready', document: { ...facts, ...ready } }
    }
    if (!this.#mayMake(pair) || this.#isHopeless(found)) return { state: 'none', document: facts }
    const isTaken = this.#enqueue(this.#urgent, { key: pair.key, effort: 'fast' })
    return { state: isTaken ? 'making' : 'none', document: facts }
  }

  /**
   * Makes the bundles that tuners will ask for when a channel has got a new head, and abandons one
   * under way that no tuner will ask for any more.
   */
  prepare(name: ChannelName, release: number): void {
    if (this.#making !== undefined && isObsolete(this.#making.task, name, release)) {
      this.#making.abandon.abort()
    }
    for (const from of new Set([release - 1, ...this.#held.take(name), 0])) {
      if (from < 0 || from >= release) continue
      this.#enqueue(this.#urgent, { key: keyOf(name, from, release), effort: 'fast' })
    }
  }

  /** Ends the making under way and waits for it. */
  async stop(): Promise<void> {
    this.#abort.abort()
    this.#urgent.clear()
    this.#patient.clear()
    await this.#running
  }

  /** Resolves when nothing is being made any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** Resolves when nothing waits that somebody may be waiting for. */
  async untilPatient(): Promise<void> {
    while (this.#urgent.size > 0 || this.#making?.task.effort === 'fast') await this.#step
  }

  async #pair(channel: ChannelRecord, from: number): Promise<Pair> {
    const { name, headRelease } = channel
    const next = await this.#context.records.releases.find(name, headRelease)
    if (next === undefined) throw transmitterError('LW_TRANSMIT_NO_RELEASE')
    const cost = await this.#whole.between(name, from, next)
    return { channel, next, cost, key: keyOf(name, from, headRelease) }
  }

  /**
   * Large first fetches go object by object: they resume, are cached better that way, and need not
   * wait. So do those of a few objects.
   */
  #mayMake({ key, cost, next }: Pair): boolean {
    if (cost.plainBytes === 0 || this.#budget.isSpent(key.channel)) return false
    if (key.fromRelease > 0) return next.totalBytes <= limits.bundleBytesMax
    return (
      cost.plainBytes <= limits.firstBundleBytesMax && cost.objects >= limits.firstBundleObjectsMin
    )
  }

  #isHopeless(found: BundleRecord | undefined): boolean {
    if (found?.state !== 'failed') return false
    if (this.#useless.has(pairName(found))) return true
    return this.#context.clock.now() - found.atMs < limits.bundleRetryMs
  }

  /** Whether the task waits now or is being worked on. */
  #enqueue(queue: Map<string, BundleTask>, task: BundleTask): boolean {
    const name = nameOf(task)
    const making = this.#making?.task
    if (queue.has(name) || (making !== undefined && nameOf(making) === name)) return true
    if (queue.size >= limits.bundleQueueMax || this.#abort.signal.aborted) return false
    queue.set(name, task)
    if (this.#running === undefined) {
      this.#step = this.#work()
      this.#running = this.#step.finally(() => {
        this.#running = undefined
      })
    }
    return true
  }

  async #work(): Promise<void> {
    // A turn of the event loop first: a commit has its answer to send.
    await new Promise((resolve) => setImmediate(resolve))
    for (;;) {
      const task = firstOf(this.#urgent) ?? firstOf(this.#patient)
      if (task === undefined || this.#abort.signal.aborted) return
      const abandon = new AbortController()
      this.#making = { task, abandon }
      const signal = AbortSignal.any([this.#abort.signal, abandon.signal])
      this.#step = this.#makeLoggedly(task, signal).finally(() => {
        this.#making = undefined
      })
      await this.#step
    }
  }

  async #makeLoggedly(task: BundleTask, signal: AbortSignal): Promise<void> {
    try {
      await this.#make(task, signal)
    } catch (error) {
      if (signal.aborted) return
      this.#context.measures.of(task.key.channel).bundlesFailed += 1
      this.#context.server.logger.warn({ err: error, ...task.key }, 'a bundle could not be made')
    }
  }

  async #make(task: BundleTask, signal: AbortSignal): Promise<void> {
    const { records, measures, server } = this.#context
    const { key, effort } = task
    const channel = await records.channels.find(key.channel)
    if (channel?.headRelease !== key.toRelease) return
    const pair = await this.#pair(channel, key.fromRelease)
    if (!this.#mayMake(pair) || (await this.#isFull(key.channel))) return
    const startedMs = performance.now()
    const counts = measures.of(key.channel)
    try {
      const bytesMax = pair.cost.bytes
      const { channelId } = channel
      const outcome = await makeAndOffer(this.#context, task, { channelId, bytesMax, signal })
      server.logger.info({ ...key, effort, outcome, wholeBytes: bytesMax }, 'a bundle was made')
      if (outcome === 'ready') counts.bundlesMade += 1
      if (outcome === 'useless') this.#noteUseless(task)
    } finally {
      const ms = performance.now() - startedMs
      counts.bundleMs += ms
      this.#budget.spend(key.channel, ms)
    }
    if (effort === 'fast' && key.fromRelease > 0) {
      this.#enqueue(this.#patient, { key, effort: 'best' })
    }
  }

  #noteUseless({ key, effort }: BundleTask): void {
    this.#context.measures.of(key.channel).bundlesUseless += 1
    if (effort === 'fast' && key.fromRelease > 0) return
    this.#useless.add(pairName(key))
    for (const oldest of this.#useless) {
      if (this.#useless.size <= limits.wholeBytesPairsMax) break
      this.#useless.delete(oldest)
    }
  }

  async #isFull(name: ChannelName): Promise<boolean> {
    const bundles = await this.#context.records.bundles.list(name)
    const bytes = bundles.reduce((sum, bundle) => sum + (bundle.object?.size ?? 0), 0)
    return bytes >= limits.channelBundleBytesMax
  }

  /** The cheapest way over ready bundles of releases between. */
  async #chain(name: ChannelName, from: number, to: number): Promise<Pick<RouteOffer, 'chain'>> {
    const bundles = await this.#context.records.bundles.list(name)
    const steps = bundles.flatMap((bundle) => offerOf(bundle) ?? [])
    const chain = cheapestChain(steps, from, to)
    if (chain === undefined) return {}
    const told: BundleOffer[] = []
    for (const step of chain) {
      const figures = step.to === to ? undefined : await this.#figures(name, step.to)
      if (step.to !== to && figures === undefined) return {}
      told.push(figures === undefined ? step : { ...step, figures })
    }
    return { chain: told }
  }

  /** What bounds a step that ends at a release between. */
  async #figures(name: ChannelName, release: number): Promise<ReleaseFigures | undefined> {
    const { records, manifests } = this.#context
    const record = await records.releases.find(name, release)
    if (record?.isRetained !== true) return undefined
    const { manifestDigest: manifest, manifestBytes } = record
    let figures = this.#knownFigures.get(manifest)
    if (figures === undefined) {
      const totals = totalsOf((await manifests.load(manifest)).manifest)
      figures = { manifest, manifestBytes, ...totals }
      this.#knownFigures.set(manifest, figures)
      for (const oldest of this.#knownFigures.keys()) {
        if (this.#knownFigures.size <= limits.wholeBytesPairsMax) break
        this.#knownFigures.delete(oldest)
      }
    }
    return figures
  }
}

/** Not so for a step of a chain that is nearly ready: it serves those who stay behind. */
export function isObsolete({ key, effort }: BundleTask, name: ChannelName, head: number): boolean {
  if (key.channel !== name || key.toRelease >= head) return false
  return key.fromRelease === 0 || key.fromRelease + 1 < key.toRelease || effort === 'best'
}

function keyOf(channel: ChannelName, fromRelease: number, toRelease: number): BundleKey {
  return { channel, fromRelease, toRelease, format: bundleFormat }
}

function pairName({ channel, fromRelease, toRelease }: BundleKey): string {
  return `${channel} ${fromRelease} ${toRelease}`
}

function nameOf({ key, effort }: { readonly key: BundleKey; readonly effort: Effort }): string {
  return `${pairName(key)} ${effort}`
}

function firstOf(queue: Map<string, BundleTask>): BundleTask | undefined {
  for (const [name, task] of queue) {
    queue.delete(name)
    return task
  }
  return undefined
}

function offerOf(bundle: BundleRecord): BundleOffer | undefined {
  if (bundle.state !== 'ready' || bundle.format !== bundleFormat) return undefined
  if (bundle.object === undefined) return undefined
  const { digest, size } = bundle.object
  const { fromRelease: from, toRelease: to, format } = bundle
  return { from, to, format, sha256: digest, bytes: size }
}
