import { isLongwaveError, type LongwaveError } from '../protocol/index.ts'
import { inParallel } from '../store/durable-files/index.ts'
import type { FetchContext } from './fetch-context.ts'
import type { WantedObject } from './wanted-object.ts'
import { mirroringLimits as limits } from './limits.ts'
import { type PackSource, planPacks } from './pack-source.ts'
import { type PackTaker, takePack } from './take-pack.ts'

/**
 * Fetches small objects many at a time. Whatever does not come in this way is left to be fetched
 * one by one, so that no failure of a server is an error here.
 * @throws errors of the caller's own: its signal's, the disk's
 */
export async function fetchPacks(
  context: FetchContext,
  source: PackSource,
  wanted: readonly WantedObject[],
  taker: PackTaker,
): Promise<void> {
  const fetching = new PackFetching(context, source, taker)
  await inParallel(planPacks(source.offer, wanted), limits.concurrentPacks, (pack) =>
    fetching.fetch(pack),
  )
}

class PackFetching {
  readonly #context: FetchContext
  readonly #source: PackSource
  readonly #taker: PackTaker
  /** Whether the server has shown that packs are not to be had of it. */
  #isOver = false

  constructor(context: FetchContext, source: PackSource, taker: PackTaker) {
    this.#context = context
    this.#source = source
    this.#taker = taker
  }

  async fetch(pack: readonly WantedObject[]): Promise<void> {
    const { staging, signal } = this.#context
    let left = pack
    for (let attempt = 1; attempt <= limits.packAttemptsMax; attempt++) {
      if (this.#isOver || left.length < limits.packObjectsMin) return
      try {
        await takePack(this.#context, this.#source.url, left, this.#taker)
        return
      } catch (error) {
        signal?.throwIfAborted()
        if (!isLongwaveError(error)) throw error
        const before = left.length
        left = left.filter(({ sha256 }) => !staging.has(sha256))
        if (isBusy(error)) await this.#wait(error)
        else this.#isOver = !isBreak(error) || left.length === before
      }
    }
  }

  /** A server that is busy for long, or for an unknown time, is asked for single objects. */
  async #wait({ retryAfterSeconds }: LongwaveError): Promise<void> {
    const seconds = retryAfterSeconds ?? Number.POSITIVE_INFINITY
    if (seconds > limits.packWaitSecondsMax) this.#isOver = true
    else await this.#context.clock.sleep(seconds * 1000, this.#context.signal)
  }
}

function isBusy({ status }: LongwaveError): boolean {
  return status === 503
}

/** The connection broke, or the server broke off: what is left may come with the next request. */
function isBreak({ code }: LongwaveError): boolean {
  return code === 'LW_TRANSFER_BROKEN' || code === 'LW_TRANSFER_CUT'
}
