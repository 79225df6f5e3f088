import type { Digest } from '../../protocol/index.ts'
import { updateError } from '../../protocol/index.ts'
import { updateRequestLimits as limits } from './limits.ts'

interface Asked<Answer> {
  readonly digest: Digest
  readonly answer: Promise<Answer>
}

interface Kept<Answer> extends Asked<Answer> {
  readonly bytes: number
  readonly atMs: number
}

/**
 * The answers of the last minutes by request id: a request that is sent again gets the answer of
 * the first time, also while that is still being made. After a restart the feedback log, which
 * knows every entry, is what keeps a repeated request from counting twice.
 */
export class AnswerMemory<Answer extends { readonly bytes: number }> {
  readonly #clock: { now(): number }
  readonly #making = new Map<string, Asked<Answer>>()
  /** In the order in which they were made. */
  readonly #kept = new Map<string, Kept<Answer>>()
  #bytes = 0

  constructor(clock: { now(): number }) {
    this.#clock = clock
  }

  /**
   * The answer to a request, made once.
   * @throws LW_UPDATE_REUSED when the id came with another body, LW_UPDATE_BUSY, what `make` throws
   */
  answer(
    key: string,
    options: { readonly digest: Digest; readonly make: () => Promise<Answer> },
  ): Promise<Answer> {
    this.#forget()
    const known = this.#making.get(key) ?? this.#kept.get(key)
    if (known !== undefined) {
      if (known.digest === options.digest) return known.answer
      return Promise.reject(updateError('LW_UPDATE_REUSED'))
    }
    if (this.#making.size >= limits.requestsMax) {
      return Promise.reject(updateError('LW_UPDATE_BUSY', { retryAfterSeconds: 2 }))
    }
    const answer = options.make()
    const asked: Asked<Answer> = { digest: options.digest, answer }
    this.#making.set(key, asked)
    answer.then(
      ({ bytes }) => {
        this.#making.delete(key)
        this.#kept.set(key, { ...asked, bytes, atMs: this.#clock.now() })
        this.#bytes += bytes
      },
      // What failed may be asked again under the same id.
      () => this.#making.delete(key),
    )
    return answer
  }

  /** Drops the oldest beyond the limits, and what has rested long enough. */
  #forget(): void {
    const oldestMs = this.#clock.now() - limits.answerRestMs
    for (const [key, kept] of this.#kept) {
      const isOver = this.#kept.size > limits.answersKept || this.#bytes > limits.answerBytesKept
      if (!isOver && kept.atMs > oldestMs) return
      this.#kept.delete(key)
      this.#bytes -= kept.bytes
    }
  }
}
