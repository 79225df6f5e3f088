import { updateError } from '../../protocol/index.ts'
import { updateRequestLimits as limits } from './limits.ts'

interface Lane {
  tail: Promise<unknown>
  waiting: number
}

/**
 * Large update requests hold up everything else for as long as they are parsed and stored. Those of
 * one channel are taken one after the other, with a rest between, so that feedback without end is
 * felt by its own channel only (S68); small ones pass by.
 */
export class LargeRequests {
  readonly #lanes = new Map<string, Lane>()
  #bytes = 0

  /**
   * Counts a body before it is read.
   * @returns what to call when it is done with
   * @throws LW_UPDATE_BUSY
   */
  admit(bytes: number): () => void {
    if (this.#bytes + bytes > limits.bodyBytesMax) {
      throw updateError('LW_UPDATE_BUSY', { retryAfterSeconds: 2 })
    }
    this.#bytes += bytes
    let isOver = false
    return () => {
      if (!isOver) this.#bytes -= bytes
      isOver = true
    }
  }

  /** @throws LW_UPDATE_BUSY, what the work throws */
  run<T>(channel: string, bytes: number, work: () => Promise<T>): Promise<T> {
    if (bytes < limits.largeBytesMin) return work()
    const lane = this.#lanes.get(channel) ?? { tail: Promise.resolve(), waiting: 0 }
    if (lane.waiting >= limits.largeWaitingMax) {
      return Promise.reject(updateError('LW_UPDATE_BUSY', { retryAfterSeconds: 5 }))
    }
    this.#lanes.set(channel, lane)
    lane.waiting += 1
    const done = lane.tail.then(work)
    lane.tail = done.then(rest, rest).then(() => {
      lane.waiting -= 1
      if (lane.waiting === 0) this.#lanes.delete(channel)
    })
    return done
  }
}

function rest(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, limits.largeRestMs).unref()
  })
}
