import { bundleFormat } from '../../delta/index.ts'
import { mirroringLimits } from '../../mirroring/index.ts'
import {
  type ChannelName,
  type Digest,
  isLongwaveError,
  parseDocument,
  RouteOffer,
} from '../../protocol/index.ts'
import { packOffer } from '../../serving/channels/index.ts'
import { removeIfPresent } from '../../store/durable-files/index.ts'
import type { ObjectSource } from '../../store/objects/index.ts'
import type { BundleKey } from '../../store/server-records/index.ts'
import { type KeptBundle, type MirrorContext, originHeaders } from '../context.ts'
import { repeaterLimits as limits } from '../limits.ts'
import { fetchBundle } from './fetch-bundle.ts'

/** What a tuner is told of a bundle. */
export interface Offer {
  readonly state: 'ready' | 'coming' | 'none'
  readonly document: RouteOffer
}

interface Step {
  readonly name: ChannelName
  readonly from: number
  readonly to: number
}

/**
 * Bundles of the origin, each fetched once however many ask, and kept on the disk. They are
 * verified by the hash that the origin names; what they make is verified by who applies them.
 */
export class BundleCache {
  readonly #context: MirrorContext
  readonly #queue: Step[] = []
  readonly #coming = new Set<string>()
  readonly #noneUntilMs = new Map<string, number>()
  readonly #wholeBytes = new Map<string, number>()
  readonly #workers = new Set<Promise<void>>()

  constructor(context: MirrorContext) {
    this.#context = context
  }

  /** What there is for one step; the fetching of what is not there yet begins. */
  async offer(step: Step): Promise<Offer> {
    const text = textOf(step)
    const { from, to } = step
    const wholeBytes = this.#wholeBytes.get(text)
    const cost = wholeBytes === undefined ? {} : { wholeBytes }
    const facts = { from, to, ...cost, packs: packOffer }
    const found = await this.#context.records.bundles.find(keyOf(step))
    if (found?.state === 'ready' && found.object !== undefined) {
      const { digest, size } = found.object
      const document = { ...facts, format: bundleFormat, sha256: digest, bytes: size }
      return { state: 'ready', document }
    }
    if ((this.#noneUntilMs.get(text) ?? 0) > this.#context.clock.now()) {
      return { state: 'none', document: facts }
    }
    return { state: this.ask(step) ? 'coming' : 'none', document: facts }
  }

  /** Begins the fetching of a bundle; false when too many are waiting. */
  ask(step: Step): boolean {
    const text = textOf(step)
    if (this.#coming.has(text)) return true
    if (this.#queue.length >= limits.bundlesWaitingMax) return false
    this.#coming.add(text)
    this.#queue.push(step)
    if (this.#workers.size < limits.concurrentBundles) {
      const worker = this.#work().finally(() => this.#workers.delete(worker))
      this.#workers.add(worker)
    }
    return true
  }

  /** Takes a bundle over that came with a release. */
  async adopt(name: ChannelName, bundle: KeptBundle): Promise<void> {
    const { fs } = this.#context
    const step = { name, from: bundle.from, to: bundle.to }
    await this.#store(step, bundle, { fromPath: bundle.file })
    await removeIfPresent(fs, bundle.file)
  }

  /** Resolves when nothing is being fetched any more. */
  async idle(): Promise<void> {
    while (this.#workers.size > 0) await Promise.all(this.#workers)
  }

  async #work(): Promise<void> {
    for (let step = this.#queue.shift(); step !== undefined; step = this.#queue.shift()) {
      const text = textOf(step)
      try {
        if (!(await this.#bring(step))) this.#noteNone(text)
      } catch (error) {
        if (this.#context.signal.aborted) return
        if (!isLongwaveError(error)) throw error
        this.#noteNone(text)
      } finally {
        this.#coming.delete(text)
      }
    }
  }

  #noteNone(text: string): void {
    if (this.#noneUntilMs.size >= limits.noBundlesKept) this.#noneUntilMs.clear()
    this.#noneUntilMs.set(text, this.#context.clock.now() + limits.noBundleMs)
  }

  /** False when the origin has none. */
  async #bring(step: Step): Promise<boolean> {
    const offer = await this.#askOrigin(step)
    if (offer?.wholeBytes !== undefined) {
      if (this.#wholeBytes.size >= limits.offersKept) this.#wholeBytes.clear()
      this.#wholeBytes.set(textOf(step), offer.wholeBytes)
    }
    const { sha256, bytes } = offer ?? {}
    if (offer?.format !== bundleFormat || sha256 === undefined || bytes === undefined) return false
    const release = await this.#context.records.releases.find(step.name, step.to)
    if (release === undefined || bytes > release.totalBytes + release.manifestBytes) return false
    const bundle = { sha256: sha256 as Digest, bytes }
    const source = await fetchBundle(this.#context, {
      url: `${this.#urlOf(step)}/${sha256}`,
      ...bundle,
    })
    try {
      await this.#store(step, bundle, { fromPath: source.file })
    } finally {
      await source.remove()
    }
    return true
  }

  async #askOrigin(step: Step): Promise<RouteOffer | undefined> {
    const { transport, clock, signal, origin } = this.#context
    for (let ask = 1; ask <= limits.bundleAsksMax; ask++) {
      const answer = await transport.fetchBytes(this.#urlOf(step), {
        headers: originHeaders(origin),
        bytesMax: mirroringLimits.offerBytesMax,
        acceptStatus: [403, 404, 410],
        signal,
      })
      if (answer.status === 200) return parseDocument(RouteOffer, answer.bytes)
      if (answer.status !== 202) return undefined
      await clock.sleep(limits.bundleAskMs, signal)
    }
    return undefined
  }

  #urlOf({ name, from, to }: Step): string {
    return `${this.#context.origin.url}/${name}/deltas/${from}..${to}`
  }

  async #store(
    step: Step,
    bundle: { readonly sha256: Digest; readonly bytes: number },
    source: ObjectSource,
  ): Promise<void> {
    const { records, objects, clock } = this.#context
    const key = keyOf(step)
    const atMs = clock.now()
    // One process owns this disk: what an earlier run began is given up.
    const began = await records.bundles.begin(key, { effort: 1, atMs, staleBeforeMs: atMs + 1 })
    if (!began) return
    const object = { digest: bundle.sha256, size: bundle.bytes }
    try {
      await records.bundles.announce(key, object)
      await objects.receive({ ...object, source })
      await records.bundles.ready(key, { effort: 1, atMs: clock.now() })
    } catch (error) {
      await records.bundles.failed(key, clock.now())
      throw error
    }
  }
}

function textOf({ name, from, to }: Step): string {
  return `${name} ${from} ${to}`
}

function keyOf({ name, from, to }: Step): BundleKey {
  return { channel: name, fromRelease: from, toRelease: to, format: bundleFormat }
}
