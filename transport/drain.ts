import { type Answer, discard } from './answer.ts'
import type { BandwidthLimit } from './bandwidth.ts'
import type { TransportClock } from './clock.ts'
import { transferError } from './errors.ts'
import { toTransferError } from './failures.ts'

/** The slowest pace that still counts as sending. */
export interface PaceRule {
  readonly bytesPerSecondMin: number
  readonly windowMs: number
}

/** What `drain` takes. */
export interface DrainOptions {
  readonly answer: Answer
  readonly clock: TransportClock
  readonly pace: PaceRule
  readonly bandwidth: BandwidthLimit | undefined
  readonly signal: AbortSignal
  /** Takes one chunk; while its promise is pending nothing more is read. */
  readonly take: (chunk: Uint8Array) => Promise<void> | undefined
}

/**
 * Reads the body to its end. Only time spent waiting for the network counts towards the pace,
 * not time in `take` or for bandwidth.
 * @throws LW_TRANSFER_STALLED, _BROKEN, _CUT; errors of `take` unchanged
 */
export async function drain(options: DrainOptions): Promise<void> {
  const { answer, clock, bandwidth, signal } = options
  const pace = new Pace(options.pace, answer.url)
  let ours = false
  let waitingSince = clock.now()
  try {
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      ours = true
      pace.count(chunk.byteLength, clock.now() - waitingSince)
      const taken = options.take(chunk)
      if (taken !== undefined) await taken
      const held = bandwidth?.take(chunk.byteLength, signal)
      if (held !== undefined) await held
      signal.throwIfAborted()
      waitingSince = clock.now()
      ours = false
    }
  } catch (error) {
    discard(answer)
    if (signal.aborted) throw signal.reason
    throw ours ? error : toTransferError(error, answer.url)
  }
}

class Pace {
  readonly #rule: PaceRule
  readonly #url: URL
  #bytes = 0
  #waitedMs = 0

  constructor(rule: PaceRule, url: URL) {
    this.#rule = rule
    this.#url = url
  }

  count(bytes: number, waitedMs: number): void {
    this.#bytes += bytes
    this.#waitedMs += Math.max(0, waitedMs)
    if (this.#waitedMs < this.#rule.windowMs) return
    if (this.#bytes * 1000 < this.#rule.bytesPerSecondMin * this.#waitedMs) {
      throw transferError('LW_TRANSFER_STALLED', {
        detail: `${this.#url.host} sends ${this.#bytes} bytes in ${Math.round(this.#waitedMs / 1000)} s.`,
      })
    }
    this.#bytes = 0
    this.#waitedMs = 0
  }
}

/** Reads a body that is kept in memory. @throws LW_TRANSFER_ENDLESS beyond `bytesMax` */
export async function drainBytes(
  options: Omit<DrainOptions, 'take'> & { readonly bytesMax: number },
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let total = 0
  await drain({
    ...options,
    take: (chunk) => {
      total += chunk.byteLength
      if (total > options.bytesMax) throw endless(options.answer.url, options.bytesMax)
      chunks.push(chunk)
      return undefined
    },
  })
  return Buffer.concat(chunks, total)
}

/** The error of an answer that is longer than it may be. */
export function endless(url: URL, bytesMax: number) {
  return transferError('LW_TRANSFER_ENDLESS', {
    detail: `${url.host} sends more than ${bytesMax} bytes.`,
  })
}
