import { Worker } from 'node:worker_threads'
import { type Digest, digestOf } from '../../protocol/index.ts'
import type { DeltaFormat, DeltaOffer, Version } from '../../serving/representations/index.ts'
import { transmitterLimits as limits } from '../limits.ts'
import type { DifferenceJob } from './difference-worker.ts'

/** A difference between two versions of a file, kept in memory. */
export interface Difference {
  readonly sha256: Digest
  readonly bytes: Uint8Array
}

/** Reads a whole version of a file into memory that workers share. */
export type VersionLoader = (version: Version) => Promise<Uint8Array>

/**
 * Makes differences between versions of files when they are asked for, one at a time in a worker,
 * each once for any number of askers, and keeps the last ones. One that does not pay is remembered
 * as such.
 */
export class Differences {
  readonly #kept = new Map<string, Difference | 'useless'>()
  readonly #making = new Map<string, Promise<void>>()
  #bytes = 0
  #turn: Promise<void> = Promise.resolve()
  #worker: Worker | undefined
  #isStopped = false

  /** What is to be had; undefined when the difference does not pay or may not be made. */
  offer(format: DeltaFormat, from: Version, to: Version): DeltaOffer | undefined {
    const kept = this.#kept.get(keyOf(format, from, to))
    if (kept === 'useless' || format === 'dcb') return undefined
    if (kept !== undefined) {
      return { state: 'ready', sha256: kept.sha256, bytes: kept.bytes.byteLength }
    }
    const isSmall = from.size + to.size <= limits.differenceBytesMax
    const isFree = this.#making.size < limits.differencesWaitingMax && !this.#isStopped
    return isSmall && isFree ? { state: 'makeable' } : undefined
  }

  find(format: DeltaFormat, from: Digest, to: Digest): Difference | undefined {
    const key = `${format} ${from} ${to}`
    const kept = this.#kept.get(key)
    if (kept === undefined || kept === 'useless') return undefined
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    return kept
  }

  /** Makes one that was `makeable`; afterwards `offer` says what came of it. */
  make(format: 'gdiff' | 'dcz', pair: FilePair, load: VersionLoader): Promise<void> {
    const key = keyOf(format, pair.from, pair.to)
    let making = this.#making.get(key)
    if (making === undefined) {
      making = this.#turn.then(() => this.#make(format, pair, load))
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

  async #make(format: 'gdiff' | 'dcz', { from, to }: FilePair, load: VersionLoader): Promise<void> {
    const key = keyOf(format, from, to)
    if (this.#isStopped || this.#kept.has(key)) return
    const job = { format, from: await load(from), to: await load(to) }
    try {
      const bytes = await this.#run(job)
      const isUseful = bytes.byteLength < to.size
      this.#keep(key, isUseful ? { sha256: digestOf(bytes), bytes } : 'useless')
    } catch (error) {
      this.#keep(key, 'useless')
      throw error
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

  #keep(key: string, kept: Difference | 'useless'): void {
    this.#kept.set(key, kept)
    this.#bytes += sizeOf(kept)
    for (const [oldest, other] of this.#kept) {
      const isFitting =
        this.#bytes <= limits.differencesKeptBytes && this.#kept.size <= limits.compressMemoryMax
      if (isFitting) return
      this.#kept.delete(oldest)
      this.#bytes -= sizeOf(other)
    }
  }
}

export interface FilePair {
  readonly from: Version
  readonly to: Version
}

function keyOf(format: DeltaFormat, from: Version, to: Version): string {
  return `${format} ${from.sha256} ${to.sha256}`
}

function sizeOf(kept: Difference | 'useless'): number {
  return kept === 'useless' ? 0 : kept.bytes.byteLength
}
