import { Worker } from 'node:worker_threads'
import { type ChannelName, type Digest, digestOf } from '../../protocol/index.ts'
import type { DeltaFormat, DeltaOffer, Version } from '../../serving/representations/index.ts'
import { transmitterLimits as limits } from '../limits.ts'
import { MakingBudget } from '../making-budget.ts'
import type { DifferenceJob } from './difference-worker.ts'

/** A difference between two versions of a file, kept in memory. */
export interface Difference {
  readonly sha256: Digest
  readonly bytes: Uint8Array
}

/** Reads a whole version of a file into memory that workers share. */
export type VersionLoader = (version: Version) => Promise<Uint8Array>

/** A pair of versions of one file of a channel, and the form of their difference. */
export interface FilePair<Format extends DeltaFormat = DeltaFormat> {
  /** Whose making time it takes. */
  readonly channel: ChannelName
  readonly format: Format
  readonly from: Version
  readonly to: Version
}

/**
 * Makes differences between versions of files when they are asked for, one at a time in a worker,
 * each once for any number of askers and within a budget of the channel's, and keeps the last ones.
 * One that does not pay, or is too long to be kept, is remembered as such.
 */
export class Differences {
  readonly budget: MakingBudget
  readonly #kept = new Map<string, Difference>()
  readonly #useless = new Set<string>()
  readonly #making = new Map<string, Promise<void>>()
  #bytes = 0
  #turn: Promise<void> = Promise.resolve()
  #worker: Worker | undefined
  #isStopped = false

  constructor(clock: { now(): number }) {
    this.budget = new MakingBudget(clock, limits.differenceBudgetMs)
  }

  /** What is to be had; undefined when the difference does not pay or may not be made. */
  offer(pair: FilePair): DeltaOffer | undefined {
    const { channel, format, from, to } = pair
    const key = keyOf(pair)
    if (this.#useless.has(key) || format === 'dcb') return undefined
    const kept = this.#kept.get(key)
    if (kept !== undefined) {
      return { state: 'ready', sha256: kept.sha256, bytes: kept.bytes.byteLength }
    }
    if (this.budget.isSpent(channel)) return undefined
    const isSmall = from.size + to.size <= limits.differenceBytesMax
    const isFree = this.#making.size < limits.differencesWaitingMax && !this.#isStopped
    return isSmall && isFree ? { state: 'makeable' } : undefined
  }

  find(format: DeltaFormat, from: Digest, to: Digest): Difference | undefined {
    const key = `${format} ${from} ${to}`
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    return kept
  }

  /** Makes one that was `makeable`; afterwards `offer` says what came of it. */
  make(pair: FilePair<'gdiff' | 'dcz'>, load: VersionLoader): Promise<void> {
    const key = keyOf(pair)
    let making = this.#making.get(key)
    if (making === undefined) {
      making = this.#turn.then(() => this.#make(pair, load))
      this.#turn = making.catch(() => undefined)
      this.#making.set(key, making)
      const forget = (): void => void this.#making.delete(key)
      making.then(forget, forget)
    }
    return making
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#worker?.terminate()
    await this.#turn
  }

  async #make(pair: FilePair<'gdiff' | 'dcz'>, load: VersionLoader): Promise<void> {
    const { channel, format, from, to } = pair
    const key = keyOf(pair)
    const isKnown = this.#kept.has(key) || this.#useless.has(key)
    // Those that waited for their turn may have spent the rest.
    if (this.#isStopped || isKnown || this.budget.isSpent(channel)) return
    const startedMs = performance.now()
    try {
      const bytes = await this.#run({ format, from: await load(from), to: await load(to) })
      const isUseful = bytes.byteLength < Math.min(to.size, limits.differenceKeptBytesMax)
      if (isUseful) this.#keep(key, { sha256: digestOf(bytes), bytes })
      else this.#noteUseless(key)
    } catch (error) {
      this.#noteUseless(key)
      throw error
    } finally {
      this.budget.spend(channel, performance.now() - startedMs)
    }
  }

  #run(job: DifferenceJob): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      // The same file name in the built tree and in the sources.
      const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
      const url = new URL(`./difference-worker.${extension}`, import.meta.url)
      const worker = new Worker(url, { workerData: job })
      this.#worker = worker
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.once('exit', () => {
        this.#worker = undefined
        reject(new Error('the worker ended without a difference'))
      })
    })
  }

  #keep(key: string, kept: Difference): void {
    this.#kept.set(key, kept)
    this.#bytes += kept.bytes.byteLength
    for (const [oldest, other] of this.#kept) {
      const isFitting =
        this.#bytes <= limits.differencesKeptBytes && this.#kept.size <= limits.compressMemoryMax
      if (isFitting) return
      this.#kept.delete(oldest)
      this.#bytes -= other.bytes.byteLength
    }
  }

  #noteUseless(key: string): void {
    this.#useless.add(key)
    const [oldest] = this.#useless
    if (this.#useless.size > limits.differencesUselessKept && oldest !== undefined) {
      this.#useless.delete(oldest)
    }
  }
}

function keyOf({ format, from, to }: FilePair): string {
  return `${format} ${from.sha256} ${to.sha256}`
}
