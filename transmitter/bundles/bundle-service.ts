import path from 'node:path'
import { bundleFormat, type Effort, makeBundle, type ObjectSource } from '../../delta/index.ts'
import {
  type BundleOffer,
  type ChannelName,
  type Digest,
  emptyManifest,
  limits as formatLimits,
  type RouteOffer,
} from '../../protocol/index.ts'
import { ensureDirectory, nodeRandomness, removeIfPresent, temporaryName } from '../../store/durable-files/index.ts'
import type { BundleKey, ReleaseRecord } from '../../store/server-records/index.ts'
import type { TransmitterContext } from '../context.ts'
import { transmitterError } from '../errors.ts'
import { transmitterLimits as limits } from '../limits.ts'
import { cheapestChain } from './chain.ts'

/** How far a bundle is: ready, worth asking again soon, or not to be had. */
export type OfferState = 'ready' | 'making' | 'none'

export interface Offer {
  readonly state: OfferState
  readonly document: RouteOffer
}

interface Task {
  readonly key: BundleKey
  readonly effort: Effort
}

/** The number by which records compare how much work went into a bundle. */
const effortRank: Readonly<Record<Effort, number>> = { fast: 1, best: 2 }

/**
 * Makes and offers bundles: one making for any number of askers, off the event loop, fast first
 * and better in the background. What is not smaller than the objects themselves is never offered.
 */
export class BundleService {
  readonly #context: TransmitterContext
  readonly #urgent: Task[] = []
  readonly #patient: Task[] = []
  readonly #held = new Map<ChannelName, Map<number, number>>()
  readonly #abort = new AbortController()
  #running: Promise<void> | undefined

  constructor(context: TransmitterContext) {
    this.#context = context
  }

  /** What a tuner at release `from` is told; begins the making when nobody has. */
  async offer(name: ChannelName, from: number, to: number): Promise<Offer> {
    const { records } = this.#context
    const channel = await records.channels.find(name)
    const next = channel === undefined ? undefined : await records.releases.find(name, to)
    if (channel === undefined || next === undefined) throw transmitterError('LW_TRANSMIT_NO_RELEASE')
    if (from >= to || to !== channel.headRelease) throw transmitterError('LW_TRANSMIT_NO_RELEASE')
    const held = from === 0 ? undefined : await records.releases.find(name, from)
    if (from !== 0 && held?.isRetained !== true) throw transmitterError('LW_TRANSMIT_NO_RELEASE')
    this.#noteHeld(name, from)
    const key: BundleKey = { channel: name, fromRelease: from, toRelease: to, format: bundleFormat }
    const found = await records.bundles.find(key)
    const facts = {
      from,
      to,
      wholeBytes: await this.#wholeBytes(name, from, next),
      ...(await this.#chain(name, from, to)),
    }
    if (found?.state === 'ready' && found.object !== undefined) {
      const { digest, size } = found.object
      const document = { ...facts, format: bundleFormat, sha256: digest, bytes: size }
      return { state: 'ready', document }
    }
    if (found?.state === 'failed' || !this.#mayMake(from, next, facts.wholeBytes)) {
      return { state: 'none', document: facts }
    }
    this.#enqueue(this.#urgent, { key, effort: 'fast' })
    return { state: 'making', document: facts }
  }

  /** Makes the bundles that tuners will ask for when a channel has got a new head. */
  prepare(name: ChannelName, release: number): void {
    const froms = new Set([...(this.#held.get(name)?.keys() ?? []), release - 1, 0])
    for (const from of froms) {
      if (from < 0 || from >= release) continue
      const key: BundleKey = {
        channel: name,
        fromRelease: from,
        toRelease: release,
        format: bundleFormat,
      }
      this.#enqueue(this.#urgent, { key, effort: 'fast' })
      if (from > 0) this.#enqueue(this.#patient, { key, effort: 'best' })
    }
    this.#held.get(name)?.clear()
  }

  /** Ends the making under way and waits for it. */
  async stop(): Promise<void> {
    this.#abort.abort()
    this.#urgent.length = 0
    this.#patient.length = 0
    await this.#running
  }

  /** Resolves when nothing is being made any more. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  #noteHeld(name: ChannelName, from: number): void {
    let held = this.#held.get(name)
    if (held === undefined) {
      held = new Map()
      this.#held.set(name, held)
    }
    held.set(from, (held.get(from) ?? 0) + 1)
    if (held.size > limits.heldReleasesTracked) {
      const rarest = [...held].sort((a, b) => a[1] - b[1])[0]
      if (rarest !== undefined) held.delete(rarest[0])
    }
  }

  /** Large first fetches go object by object: they resume and are cached better that way. */
  #mayMake(from: number, next: ReleaseRecord, wholeBytes: number): boolean {
    if (from === 0) return next.totalBytes <= limits.firstBundleBytesMax
    return wholeBytes > 0 && next.totalBytes <= limits.bundleReleaseBytesMax
  }

  #enqueue(queue: Task[], task: Task): void {
    const same = (other: Task): boolean =>
      other.key.channel === task.key.channel &&
      other.key.fromRelease === task.key.fromRelease &&
      other.key.toRelease === task.key.toRelease
    if (queue.some(same) || queue.length >= limits.bundleQueueMax) return
    queue.push(task)
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined
    })
  }

  async #work(): Promise<void> {
    for (;;) {
      const task = this.#urgent.shift() ?? this.#patient.shift()
      if (task === undefined || this.#abort.signal.aborted) return
      try {
        await this.#make(task)
      } catch (error) {
        if (this.#abort.signal.aborted) return
        this.#context.server.logger.warn({ err: error, ...task.key }, 'a bundle could not be made')
      }
    }
  }

  async #make(task: Task): Promise<void> {
    const context = this.#context
    const { key, effort } = task
    const { records, objects } = context
    const nowMs = context.clock.now()
    const channel = await records.channels.find(key.channel)
    const next = await records.releases.find(key.channel, key.toRelease)
    if (channel?.headRelease !== key.toRelease || next === undefined) return
    const wholeBytes = await this.#wholeBytes(key.channel, key.fromRelease, next)
    if (!this.#mayMake(key.fromRelease, next, wholeBytes)) return
    const began = await records.bundles.begin(key, {
      effort: effortRank[effort],
      atMs: nowMs,
      staleBeforeMs: nowMs - limits.bundleMakingStaleMs,
    })
    if (!began) return
    const folder = path.join(context.directory, 'making')
    await ensureDirectory(context.fs, folder, { mode: 0o700 })
    const outputPath = path.join(folder, temporaryName(nodeRandomness))
    try {
      const oldManifest = await this.#manifestBytes(key.channel, key.fromRelease, channel.channelId)
      const newManifest = await this.#manifestBytes(key.channel, key.toRelease, channel.channelId)
      const made = await makeBundle({
        oldManifest,
        newManifest,
        source: this.#source(),
        outputPath,
        effort,
        signal: this.#abort.signal,
      })
      const present = await records.bundles.find(key)
      const best = present?.object?.size ?? wholeBytes + newManifest.byteLength
      if (made.bytes >= best) throw transmitterError('LW_TRANSMIT_BUNDLE_USELESS')
      const object = { digest: made.sha256, size: made.bytes }
      await records.bundles.announce(key, object)
      await objects.receive({ ...object, source: { fromPath: outputPath } })
      await records.bundles.ready(key, {
        effort: effortRank[effort],
        atMs: context.clock.now(),
      })
      context.server.logger.info(
        { ...key, bytes: made.bytes, wholeBytes, effort },
        'a bundle is ready',
      )
    } catch (error) {
      await records.bundles.failed(key, context.clock.now())
      if ((error as { readonly code?: unknown }).code !== 'LW_TRANSMIT_BUNDLE_USELESS') throw error
    } finally {
      await removeIfPresent(context.fs, outputPath)
    }
  }

  async #manifestBytes(name: ChannelName, release: number, channelId: Digest): Promise<Uint8Array> {
    if (release === 0) return emptyManifest(channelId, name)
    const record = await this.#context.records.releases.find(name, release)
    if (record === undefined) throw transmitterError('LW_TRANSMIT_NO_RELEASE')
    return this.#context.objects.load(record.manifestDigest, {
      bytesMax: formatLimits.manifestBytesMax,
    })
  }

  #source(): ObjectSource {
    return {
      open: async (digest) => {
        const object = await this.#context.objects.open(digest)
        if (object === undefined) throw transmitterError('LW_TRANSMIT_NO_OBJECT')
        return object
      },
    }
  }

  /** What the objects that a release adds cost one by one, compressed where that is ready. */
  async #wholeBytes(name: ChannelName, from: number, next: ReleaseRecord): Promise<number> {
    const { records, objects } = this.#context
    const held = new Set<Digest>()
    if (from > 0) {
      for await (const object of records.releases.objects(name, from)) held.add(object.digest)
    }
    let bytes = 0
    for await (const object of records.releases.objects(name, next.release)) {
      if (held.has(object.digest) || object.digest === next.manifestDigest) continue
      const packed = await objects.openVariant(object.digest, 'br')
      bytes += packed?.size ?? object.size
      await packed?.close()
    }
    return bytes
  }

  /** The cheapest way over ready bundles of releases between. */
  async #chain(name: ChannelName, from: number, to: number): Promise<Pick<RouteOffer, 'chain'>> {
    const ready = (await this.#context.records.bundles.list(name)).filter(
      (bundle) => bundle.state === 'ready' && bundle.format === bundleFormat,
    )
    const steps: BundleOffer[] = ready.flatMap((bundle) =>
      bundle.object === undefined
        ? []
        : [
            {
              from: bundle.fromRelease,
              to: bundle.toRelease,
              format: bundle.format,
              sha256: bundle.object.digest,
              bytes: bundle.object.size,
            },
          ],
    )
    const chain = cheapestChain(steps, from, to)
    return chain === undefined ? {} : { chain: [...chain] }
  }
}
