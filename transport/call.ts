import { isLongwaveError, type LongwaveError } from '../protocol/index.ts'
import { type Answer, contentLength, discard } from './answer.ts'
import type { BandwidthLimit } from './bandwidth.ts'
import type { RandomFraction, TransportClock } from './clock.ts'
import { drainBytes, endless, type PaceRule } from './drain.ts'
import { transferError } from './errors.ts'
import { type ExchangeRequest, exchange, type Network } from './exchange.ts'
import { toTransferError } from './failures.ts'
import { transportLimits as limits } from './limits.ts'
import { errorOfAnswer } from './problem-answer.ts'
import { type RetryPolicy, RetrySchedule } from './retries.ts'

/** What the operations of one transport share. */
export interface CallContext {
  readonly network: Network
  readonly clock: TransportClock
  readonly random: RandomFraction
  readonly retry: RetryPolicy
  readonly pace: PaceRule
  readonly bandwidth: BandwidthLimit | undefined
  readonly documentTimeoutMs: number
  /** Aborted when the transport stops. */
  readonly stopped: AbortSignal
}

/**
 * Runs one operation with a signal that ends it when the caller, the transport or the overall
 * time does. Listeners are taken off again: the outer signals may live as long as the process.
 */
export async function withSignal<T>(
  context: CallContext,
  options: {
    readonly url: URL
    readonly signal?: AbortSignal | undefined
    readonly timeoutMs?: number | undefined
  },
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const outer = [context.stopped, ...(options.signal === undefined ? [] : [options.signal])]
  const abort = (event: Event) => controller.abort(aborted((event.target as AbortSignal).reason))
  for (const signal of outer) {
    if (signal.aborted) throw aborted(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
  }
  const { url, timeoutMs } = options
  const tooLong = () => {
    const detail = `${url.host} had ${Math.round((timeoutMs ?? 0) / 1000)} s for it.`
    controller.abort(transferError('LW_TRANSFER_TIMEOUT', { detail }))
  }
  const timer = timeoutMs === undefined ? undefined : setTimeout(tooLong, timeoutMs)
  timer?.unref()
  try {
    return await run(controller.signal)
  } finally {
    clearTimeout(timer)
    for (const signal of outer) signal.removeEventListener('abort', abort)
  }
}

function aborted(cause: unknown): LongwaveError {
  if (isLongwaveError(cause)) return cause
  return transferError('LW_TRANSFER_ABORTED', { cause })
}

/** What `retrying` takes. */
export interface RetryingOptions<T> {
  readonly context: CallContext
  readonly url: URL
  readonly signal: AbortSignal
  /** Whether an attempt may be repeated although the server may have seen it. */
  readonly idempotent: boolean
  readonly schedule?: RetrySchedule
  /** Whether the failure was the caller's own, not the network's. */
  readonly isFinal?: () => boolean
  readonly attempt: () => Promise<T>
}

/** Repeats an attempt as its schedule allows. Errors that are not ours end it unchanged. */
export async function retrying<T>(options: RetryingOptions<T>): Promise<T> {
  const { context, signal } = options
  const schedule = options.schedule ?? new RetrySchedule(context.retry, context.random)
  for (;;) {
    try {
      return await options.attempt()
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (options.isFinal?.() === true) throw error
      const delayMs = mayRepeat(error, options.idempotent) ? schedule.delayAfter(error) : undefined
      if (delayMs === undefined) throw error
      try {
        await context.clock.sleep(delayMs, signal)
      } catch (cause) {
        throw signal.aborted ? signal.reason : toTransferError(cause, options.url)
      }
    }
  }
}

function mayRepeat(error: unknown, idempotent: boolean): error is LongwaveError {
  if (!isLongwaveError(error)) return false
  return idempotent || error.code === 'LW_TRANSFER_UNREACHABLE'
}

/** Sends a request; an answer that is neither a success nor among `accept` becomes its error. */
export async function exchangeOk(
  context: CallContext,
  request: ExchangeRequest,
  accept: readonly number[] = [],
): Promise<Answer> {
  const answer = await exchange(context.network, request)
  const success = answer.status >= 200 && answer.status < 300
  if (success || accept.includes(answer.status)) return answer
  throw errorOfAnswer(answer, await problemBytes(context, request, answer), context.clock.now())
}

/** The body of an error answer; undefined when it is too long or breaks: the status stands. */
async function problemBytes(
  context: CallContext,
  request: ExchangeRequest,
  answer: Answer,
): Promise<Uint8Array | undefined> {
  try {
    return await readBytes(context, {
      answer,
      signal: request.signal,
      bytesMax: limits.problemBytesMax,
      method: request.method,
    })
  } catch (error) {
    if (request.signal.aborted) throw error
    return undefined
  }
}

/** Reads a whole body into memory. @throws LW_TRANSFER_ENDLESS beyond `bytesMax` */
export async function readBytes(
  context: CallContext,
  options: {
    readonly answer: Answer
    readonly signal: AbortSignal
    readonly bytesMax: number
    readonly method: string
  },
): Promise<Buffer> {
  const { answer, bytesMax } = options
  let announced: number | undefined
  try {
    announced = contentLength(answer)
  } catch (error) {
    discard(answer)
    throw error
  }
  if (announced !== undefined && announced > bytesMax && options.method !== 'HEAD') {
    discard(answer)
    throw endless(answer.url, bytesMax)
  }
  return drainBytes({
    answer,
    bytesMax,
    clock: context.clock,
    pace: context.pace,
    bandwidth: context.bandwidth,
    signal: options.signal,
  })
}
